package veriff

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// throttleFirst is how long no request goes out after a first answer 429.
	// It doubles with every further one up to throttleDoubled.
	throttleFirst   = time.Second
	throttleDoubled = 64 * time.Second
	// throttleMost is the longest that one answer holds requests back,
	// whatever it asks for: a proxy's slip must not close the mount for a day.
	throttleMost = 10 * time.Minute
	// throttleLogged is how often it is logged that requests are held back.
	throttleLogged = time.Minute
	// streakLast is how many answers 429 in a row make it the resource's own
	// failure, if everything else is answered meanwhile.
	streakLast = 4
	// streakAlone is how many times in a row nothing else was answered before
	// something else is asked for, to learn whose limit it is. That is not done
	// sooner: a tight limit on the account would be spent on it.
	streakAlone = 3
	// streakDoubled is the longest that a resource is held back because of its
	// own streak, if the API names no time: less than patience, so that whoever
	// opens it does ask.
	streakDoubled = 16 * time.Second
	// maxStreaks bounds the streaks that are remembered. Beyond it all begin
	// anew.
	maxStreaks = 1000
)

// throttle is the moment before which no request goes out because the API
// asked for fewer. Every call keeps to it. None waits for it here: a call
// fails at once, so that nothing is held meanwhile.
//
// A resource that is answered 429 again, while others are answered and none
// recovers from a 429, is odd: from then on it holds back only itself. Any
// number can be odd. A limit on the account makes none so: what it lets through
// was limited before, but for a few, and if it lets nothing through then nothing
// is answered.
type throttle struct {
	mu      sync.Mutex
	until   time.Time
	strikes int // times in a row that requests were held back, without another answer between
	logged  time.Time

	passed    time.Time // when the last request was sent that was answered otherwise
	recovered time.Time // when a resource was last answered otherwise after a 429
	streaks   map[string]*streak
}

// streak is answers 429 in a row for one resource.
type streak struct {
	count int       // from the second on it is odd
	alone int       // times in a row that nothing else was answered since the one before
	sent  time.Time // when the request was sent that the last one came to
	last  time.Time // when that came
	until time.Time // before which the resource is not asked for
}

// everyone returns until when no request goes out: the zero time if they do.
func (t *throttle) everyone(now time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.until) {
		return t.until
	}
	return time.Time{}
}

// check returns an error while no request for the resource goes out.
func (t *throttle) check(resource string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Before(t.until) {
		return &Later{fmt.Errorf("%w: the API asked for fewer requests, none goes out before %s", ErrRateLimited, t.until.Format(time.TimeOnly)), t.until, false}
	}
	if s := t.streaks[resource]; s != nil && now.Before(s.until) {
		return &Later{fmt.Errorf("%w: limited %d times in a row while others were answered, not asked for before %s",
			ErrRateLimited, s.count, s.until.Format(time.TimeOnly)), s.until, false}
	}
	return nil
}

// answered takes in an answer other than 429 to a request sent at that moment.
func (t *throttle) answered(resource string, sent time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !sent.Before(t.until) {
		t.strikes = 0
	}
	if sent.After(t.passed) {
		t.passed = sent
	}
	if t.streaks[resource] != nil {
		delete(t.streaks, resource)
		t.recovered = time.Now()
	}
}

// refused takes in an answer 429 that asks for a pause, or for none with -1,
// to a request sent at that moment. It returns the error of the call, and, if
// that should be logged, until when everyone is held back.
func (t *throttle) refused(resource string, sent time.Time, after time.Duration, answer error) (log time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, pause := time.Now(), min(after, throttleMost)
	err = fmt.Errorf("%w: %w", ErrRateLimited, answer)
	s, alone := t.streakLocked(resource, sent, now)
	if s.count > 1 {
		s.until = now.Add(max(pause, min(throttlePause(s.count-2), streakDoubled)))
		if s.count < streakLast {
			return log, &Later{err, s.until, alone}
		}
		return log, fmt.Errorf("%w, %d times in a row while others were answered", err, s.count)
	}
	if !now.Before(t.until) { // else it was sent before requests were held back
		pause = max(pause, throttlePause(t.strikes))
		t.strikes++
	}
	if until := now.Add(pause); until.After(t.until) {
		t.until = until
	}
	s.until = t.until
	if now.Sub(t.logged) >= throttleLogged {
		t.logged, log = now, t.until
	}
	return log, &Later{err, t.until, alone}
}

// streakLocked counts an answer 429. It reports whether something else should
// be asked for, because nothing was answered since the one before.
func (t *throttle) streakLocked(resource string, sent, now time.Time) (s *streak, alone bool) {
	s = t.streaks[resource]
	switch {
	case s == nil:
		if t.streaks == nil || len(t.streaks) == maxStreaks {
			t.streaks = make(map[string]*streak)
		}
		s = &streak{count: 1}
		t.streaks[resource] = s
	case sent.Before(s.until): // with the last one
	case !t.recovered.Before(s.last): // so the limit is not of single resources
		s.count, s.alone = 1, 0
	case t.passed.After(s.sent): // also one that went out before the answer came
		s.count++
		s.alone = 0
	default:
		s.alone++
	}
	s.sent, s.last = sent, now
	return s, s.alone >= streakAlone
}

func throttlePause(strikes int) time.Duration {
	return min(throttleFirst<<min(strikes, 10), throttleDoubled)
}

// Later is an error that may be gone at a moment that is known: the server has
// named it, or requests are held back until then. Whoever waits for it should
// hold nothing meanwhile.
type Later struct {
	Err error
	At  time.Time // when it makes sense to ask again

	// Alone: it is limited again, and nothing else was answered meanwhile. Ask
	// for something else then (Probe), or it stays open whose limit it is.
	Alone bool
}

func (l *Later) Error() string { return l.Err.Error() }

func (l *Later) Unwrap() error { return l.Err }

// maxRetryAfter is longer than anybody waits, and keeps the arithmetic safe.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the pause that an answer asks for, in seconds or as a date.
// It returns -1 if there is none that makes sense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.ParseUint(v, 10, 64); err == nil {
		return time.Duration(min(n, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(now), 0), maxRetryAfter)
	}
	return -1
}
