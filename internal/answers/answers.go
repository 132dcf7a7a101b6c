// Package answers keeps what the API answered to questions of one kind, in memory
// and in the sealed store, so that a remount asks nothing.
//
// Promises: an answer is fresh until its time to live has passed. When a refresh
// fails, the stale answer serves, however old. A signed "not found" is an answer;
// a failure is not, and is never remembered. Only such a signed word is told as a
// loss. One request at a time is under way about each question.
//
// [Answers] are safe for concurrent use. Their memory has one lock, never held
// while a source is asked.
package answers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"veriffs/internal/flight"
	"veriffs/internal/reach"
	"veriffs/veriff"
)

// retryStale is how soon a refresh that failed is tried again.
const retryStale = 30 * time.Second

// ErrGated is what a source's Ask returns if it finds that it must not ask now. Its
// Gate waits until it may, and calls the work again.
var ErrGated = errors.New("answers: not to be asked now")

// Options is what answers are made of.
type Options[V any] struct {
	About string // what is asked about, and the name of its id in the log
	Most  int    // bounds the sum of weights in memory
	Weigh func(Answer[V]) int
	TTL   time.Duration
	Now   func() time.Time
	Log   *slog.Logger
	Limit *reach.Limit
	Lanes *flight.Lanes
	Spawn func(func()) // see flight.NewGroup
}

// Answers are the answers to questions of one kind. Make them with New.
type Answers[K Question, V any] struct {
	options Options[V]
	source  Source[K, V]
	memory  *memory[K, Answer[V]]
	asking  *flight.Group[K, V]

	mu    sync.Mutex
	asked map[K]bool // questions at the source; true: the answer expired meanwhile
}

// Source is where answers of one kind come from, and who is told of them.
type Source[K Question, V any] interface {
	// Stored returns the last answer in the sealed store.
	Stored(K) (Answer[V], bool)
	// Ask asks the API, and puts its answer into the sealed store.
	Ask(*flight.Task, K) (V, error)
	// Received is told of a new answer; last may be the zero V.
	Received(k K, fresh, last V)
	// Gate calls work, once nothing is in its way.
	Gate(ctx context.Context, k K, work func() (V, error)) (V, error)
	// Lost is told of the API's signed word that there is nothing (any more).
	Lost(k K, last V)
	// Keeps reports whether the last answer serves whatever the API says, short of its
	// signed word.
	Keeps(K) bool
}

// Question is what tells one question from another of its kind.
type Question interface {
	comparable
	fmt.Stringer
}

// Answer is what was answered, or that there is nothing.
type Answer[V any] struct {
	Value  V
	Absent bool
	Asked  Moment // when it counts as asked for: later than it was if a refresh failed

	received Moment // from the API by this process; zero if it was stored or expired
	failed   error  // why it could not be refreshed when that was last tried
}

// New returns answers from a source.
func New[K Question, V any](from Source[K, V], o Options[V]) *Answers[K, V] {
	return &Answers[K, V]{
		options: o, source: from, memory: newMemory[K](o.Most, o.Weigh),
		asking: flight.NewGroup[K, V](o.Lanes, o.Spawn, nil), asked: make(map[K]bool),
	}
}

// Get returns a fresh answer, or the best there is.
//
// Errors: [veriff.ErrNotFound] when the API said so, [reach.ErrOffline], those of package
// veriff, or the cause of ctx's end.
func (a *Answers[K, V]) Get(ctx context.Context, k K) (V, error) {
	v, err := a.get(ctx, k)
	if errors.As(err, new(limited)) {
		return v, nil
	}
	return v, err
}

// limited is why an answer that is there was not renewed, and nobody waited for that: the
// API wants fewer requests. It hides from [reach.SitOut] until when.
type limited struct{ error }

// get is Get, but for a limited error with an old answer.
func (a *Answers[K, V]) get(ctx context.Context, k K) (V, error) {
	if last, ok := a.memory.Get(k); ok && a.fresh(last) {
		return a.Result(k, last)
	}
	return reach.SitOut(ctx, a.options.Limit, func() (V, error) {
		v, err := a.source.Gate(ctx, k, func() (V, error) {
			return a.asking.Do(ctx, k, func(t *flight.Task) (V, error) { return a.renew(t, k) })
		})
		if errors.Is(err, veriff.ErrRateLimited) && !reach.Outlasts(ctx) {
			if last, ok := a.Present(k); ok {
				return last, limited{err}
			}
		}
		return v, err
	})
}

// ErrStale is the error of Renew where no new answer is to be had.
var ErrStale = errors.New("answers: no new answer was to be had")

// renewals is how often Renew asks: a request that was under way does not count, and
// others may expire the answers to the next ones, as by Renew.
const renewals = 5

// Renew expires an answer, and returns nothing but one that came from the API since. An
// ErrStale also wraps why there is none, which may be an unsigned "not found".
func (a *Answers[K, V]) Renew(ctx context.Context, k K) (v V, err error) {
	a.Expire(k) // once, or two who renew would expire each other's answers
	for range renewals {
		v, err = a.get(ctx, k)
		last, ok := a.memory.Peek(k)
		var cause limited
		switch {
		case errors.As(err, &cause):
			return v, fmt.Errorf("%w: %w", ErrStale, cause.error)
		case err != nil:
			return v, err
		case ok && last.received != 0:
			return a.Result(k, last)
		case last.failed != nil:
			return v, fmt.Errorf("%w: %w", ErrStale, last.failed)
		}
	}
	return v, ErrStale
}

// Refresh refreshes an answer in the background, and calls then when that has
// ended. It returns nil, and calls nothing, if the answer is fresh or is being
// refreshed, or while the lanes are held.
func (a *Answers[K, V]) Refresh(k K, then func()) *flight.Task {
	if last, ok := a.memory.Peek(k); ok && a.fresh(last) {
		return nil
	}
	return a.asking.Speculate(k, func(t *flight.Task) (V, error) {
		defer a.options.Spawn(then)
		return a.renew(t, k)
	})
}

// Peek returns a fresh answer from memory.
func (a *Answers[K, V]) Peek(k K) (V, bool) {
	last, ok := a.memory.Peek(k)
	return last.Value, ok && !last.Absent && a.fresh(last)
}

// Last returns the last answer, fresh or stale, without the network.
func (a *Answers[K, V]) Last(k K) (Answer[V], bool) {
	if last, ok := a.memory.Get(k); ok {
		return last, true
	}
	last, ok := a.source.Stored(k)
	if ok {
		a.memory.Add(k, last)
	}
	return last, ok
}

// Present is last for those who need a value.
func (a *Answers[K, V]) Present(k K) (V, bool) {
	last, ok := a.Last(k)
	return last.Value, ok && !last.Absent
}

// Received is when the last answer came from the API to this process; the zero
// time if it was stored, or has expired.
func (a *Answers[K, V]) Received(k K) time.Time {
	last, _ := a.memory.Peek(k)
	return last.received.time()
}

// Put stores an answer that came with another.
func (a *Answers[K, V]) Put(k K, v V) {
	a.memory.Add(k, Answer[V]{Value: v, Asked: a.now(), received: a.now()})
}

// Expire makes an answer stale, because there is word of a change.
func (a *Answers[K, V]) Expire(k K) {
	a.mu.Lock()
	if _, ok := a.asked[k]; ok {
		a.asked[k] = true
	}
	a.mu.Unlock()
	if last, ok := a.Last(k); ok {
		last.Asked, last.received, last.failed = 0, 0, nil
		a.memory.Add(k, last)
	}
}

// asks notes that the source is being asked, until end is called. expired reports whether
// the answer has expired since.
func (a *Answers[K, V]) asks(k K) (expired func() bool, end func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked[k] = false
	return func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.asked[k]
		}, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			delete(a.asked, k)
		}
}

// fresh reports whether an answer is younger than the time to live. One from
// the future is not: a clock was wrong then, or is now.
func (a *Answers[K, V]) fresh(last Answer[V]) bool {
	age := a.options.Now().Sub(last.Asked.time())
	return age >= 0 && age < a.options.TTL
}

func (a *Answers[K, V]) now() Moment { return At(a.options.Now()) }

// Drop removes a value from memory, but not the word that there is none.
func (a *Answers[K, V]) Drop(k K) {
	if last, ok := a.memory.Peek(k); ok && !last.Absent {
		a.memory.Remove(k)
	}
}

func (a *Answers[K, V]) Result(k K, last Answer[V]) (V, error) {
	if last.Absent {
		return last.Value, fmt.Errorf("%s %s: %w", a.options.About, k, veriff.ErrNotFound)
	}
	return last.Value, nil
}

// renew asks the API if need be, and returns the best answer there is.
func (a *Answers[K, V]) renew(t *flight.Task, k K) (V, error) {
	last, known := a.Last(k)
	if known && a.fresh(last) {
		return a.Result(k, last)
	}
	var none V
	expired, end := a.asks(k)
	defer end()
	v, err := a.source.Ask(t, k)
	keeps := known && !last.Absent && a.source.Keeps(k)
	switch {
	case err == nil:
		a.Put(k, v)
		if expired() { // looked at after Put: from then on Expire finds the new answer
			a.Expire(k)
		}
		a.source.Received(k, v, last.Value)
		return v, nil
	case Proven(err):
		a.source.Lost(k, last.Value)
		a.memory.Add(k, Answer[V]{Absent: true, Asked: a.now(), received: a.now()})
		if expired() {
			a.Expire(k)
		}
		return none, err
	case errors.Is(err, veriff.ErrNotFound) && !keeps:
		return none, err // unsigned: nothing is destroyed or remembered
	case known && !last.Absent && (keeps || !Refused(err)) && !errors.Is(err, ErrGated) && !errors.Is(err, veriff.ErrRateLimited) && t.Context().Err() == nil:
		a.options.Log.Warn("refresh failed; serving the stale answer", slog.String(a.options.About, k.String()), slog.Any("error", err))
		last.Asked, last.failed = At(a.options.Now().Add(retryStale-a.options.TTL)), err
		if expired() {
			last.received = 0
		}
		a.memory.Add(k, last)
		return last.Value, nil
	default:
		return none, err
	}
}

// Refused reports whether the API itself refused the credentials. A proxy's
// refusal says nothing about them.
func Refused(err error) bool {
	var answer *veriff.APIError
	return errors.Is(err, veriff.ErrRefused) && errors.As(err, &answer) && answer.FromAPI()
}

// Proven reports whether an error is the API's signed word that there is no such
// thing. Without a signature, which [veriff.VerifyMode] may allow, it is not there
// for whoever asks, but nothing is destroyed for that.
func Proven(err error) bool {
	var answer *veriff.APIError
	return errors.Is(err, veriff.ErrNotFound) && errors.As(err, &answer) && answer.Authentic
}

// Absent reports whether the API said, not long ago, that there is nothing.
func (a *Answers[K, V]) Absent(k K) bool {
	last, ok := a.memory.Peek(k)
	return ok && last.Absent && a.fresh(last)
}

// Values returns the values in memory, the least recently used first.
func (a *Answers[K, V]) Values() (values []V) {
	for _, last := range a.memory.Values() {
		if !last.Absent {
			values = append(values, last.Value)
		}
	}
	return values
}

// Forget drops all that is in memory.
func (a *Answers[K, V]) Forget() { a.memory.Purge() }

// Stop ends the requests under way about some questions: those who wait for the
// answers get ErrGated from the work that their source's Gate calls.
func (a *Answers[K, V]) Stop(ctx context.Context, which func(K) bool) error {
	return a.asking.Stop(ctx, ErrGated, which)
}

// Asking returns how many questions are being asked.
func (a *Answers[K, V]) Asking() int { return a.asking.Count() }
