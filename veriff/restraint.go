package veriff

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// restraintFirst is how long no request goes out after a first answer 429;
	// it doubles with every further one up to restraintDoubled.
	restraintFirst   = time.Second
	restraintDoubled = 64 * time.Second
	// restraintMost is the longest that one answer holds requests back,
	// whatever it asks for: a proxy's slip must not close the mount for a day.
	restraintMost = 10 * time.Minute
	// restraintTold is how often it is logged that requests are held back.
	restraintTold = time.Minute
)

// restraint is the one moment before which no request goes out, because the
// API asked for fewer. All calls keep it. None waits here for it to pass: a
// call fails at once, so that nothing is held meanwhile.
type restraint struct {
	mu      sync.Mutex
	until   time.Time
	strikes int // answers 429 with nothing else between them, one for each time that requests were held back
	told    time.Time
}

// held returns until when no request goes out: the zero time if they do.
func (r *restraint) held(now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.until) {
		return r.until
	}
	return time.Time{}
}

// limited takes in an answer 429 that asks for a pause, or for none with -1.
// It reports whether that should be logged.
func (r *restraint) limited(now time.Time, after time.Duration) (until time.Time, tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pause := min(after, restraintMost)
	if !now.Before(r.until) { // else it was sent before requests were held back
		pause = max(pause, restraintPause(r.strikes))
		r.strikes++
	}
	if until := now.Add(pause); until.After(r.until) {
		r.until = until
	}
	if now.Sub(r.told) < restraintTold {
		return r.until, false
	}
	r.told = now
	return r.until, true
}

// allowed takes in that a request sent at that moment was answered otherwise.
func (r *restraint) allowed(sent time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !sent.Before(r.until) {
		r.strikes = 0
	}
}

func restraintPause(strikes int) time.Duration {
	return min(restraintFirst<<min(strikes, 10), restraintDoubled)
}

// HeldUntil returns until when no request goes out, because the API asked for
// fewer: the zero time if they do. Until then every call fails at once with
// ErrRateLimited.
func (c *Client) HeldUntil() time.Time { return c.restraint.held(time.Now()) }

// Patience is how long a call goes on without receiving a byte.
func (c *Client) Patience() time.Duration { return c.limits.patience }

// heldBack is the error of a request that did not go out.
type heldBack struct{ until time.Time }

func (h *heldBack) Error() string {
	return fmt.Sprintf("%v: the API asked for fewer requests, none goes out before %s", ErrRateLimited, h.until.Format(time.TimeOnly))
}

func (h *heldBack) Unwrap() error { return ErrRateLimited }

// mayAsk returns a *heldBack while no request goes out.
func (c *Client) mayAsk() error {
	if until := c.HeldUntil(); !until.IsZero() {
		return &heldBack{until}
	}
	return nil
}

// holdBack keeps requests from going out after an answer 429.
func (c *Client) holdBack(after time.Duration) {
	if until, tell := c.restraint.limited(time.Now(), after); tell {
		c.log.Warn("the API asks for fewer requests: none goes out for a while",
			slog.Time("until", until), slog.Duration("for", time.Until(until).Round(time.Second)))
	}
}
