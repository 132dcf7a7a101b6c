package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veriffs/internal/flight"
	"veriffs/veriff"
)

// retryStale is how soon a refresh that failed is tried again.
const retryStale = 30 * time.Second

// answers keeps what the API answered to questions of one kind, in memory and
// in the sealed store, so that a remount asks nothing. An answer is fresh until
// its time to live has passed. When a refresh fails, the stale answer serves,
// however old. A signed "not found" is an answer; a failure is not, and is never
// remembered.
type answers[K question, V any] struct {
	base   *core
	about  string // what is asked about, for the log
	source source[K, V]
	memory *memory[K, answer[V]] // bounded
	asking *flight.Group[K, V]   // one question at a time about each key
}

// source is where answers of one kind come from, and who is told of them.
type source[K question, V any] interface {
	// stored returns the last answer in the sealed store.
	stored(K) (answer[V], bool)
	// ask asks the API, and puts its answer into the sealed store.
	ask(*flight.Task, K) (V, error)
	// received is told of a new answer; last may be the zero V.
	received(k K, fresh, last V)
	// takes reports whether an erasure takes an answer.
	takes(*fence, K) bool
	// lost is told of the API's signed word that there is nothing (any more).
	lost(k K, last V)
}

// question is what tells one question from another of its kind.
type question interface {
	comparable
	fmt.Stringer
}

// answer is what was answered, or that there is nothing.
type answer[V any] struct {
	value  V
	absent bool
	asked  time.Time
}

// newAnswers returns answers that are kept in memory up to a sum of weights.
func newAnswers[K question, V any](c *core, about string, from source[K, V], most int, weigh func(answer[V]) int) answers[K, V] {
	return answers[K, V]{
		base: c, about: about, source: from, memory: newMemory[K](most, weigh),
		asking: flight.NewGroup[K, V](c.lanes, c.spawn, nil),
	}
}

// get returns a fresh answer, or the best there is.
//
// Errors: ErrNotFound when the API said so, ErrOffline, those of package
// veriff, or the cause of ctx's end.
func (a *answers[K, V]) get(ctx context.Context, k K) (V, error) {
	if last, ok := a.memory.Get(k); ok && a.fresh(last) {
		return a.result(k, last)
	}
	return sitOut(ctx, &a.base.limit, func() (V, error) {
		v, err := behindFence(ctx, a.base, func(f *fence) bool { return a.source.takes(f, k) }, func() (V, error) {
			return a.asking.Do(ctx, k, func(t *flight.Task) (V, error) { return a.renew(t, k) })
		})
		if errors.Is(err, veriff.ErrRateLimited) && !outlasts(ctx) {
			if last, ok := a.present(k); ok {
				return last, nil
			}
		}
		return v, err
	})
}

// refresh refreshes an answer in the background, and calls then when that has
// ended. It returns nil if the answer is fresh or is being refreshed.
func (a *answers[K, V]) refresh(k K, then func()) *flight.Task {
	if last, ok := a.memory.Peek(k); ok && a.fresh(last) {
		return nil
	}
	return a.asking.Speculate(k, func(t *flight.Task) (V, error) {
		defer a.base.spawn(then)
		return a.renew(t, k)
	})
}

// peek returns a fresh answer from memory.
func (a *answers[K, V]) peek(k K) (V, bool) {
	last, ok := a.memory.Peek(k)
	return last.value, ok && !last.absent && a.fresh(last)
}

// last returns the last answer, fresh or stale, without the network.
func (a *answers[K, V]) last(k K) (answer[V], bool) {
	if last, ok := a.memory.Get(k); ok {
		return last, true
	}
	last, ok := a.source.stored(k)
	if ok {
		a.memory.Add(k, last)
	}
	return last, ok
}

// present is last for those who need a value.
func (a *answers[K, V]) present(k K) (V, bool) {
	last, ok := a.last(k)
	return last.value, ok && !last.absent
}

// put stores an answer that came with another.
func (a *answers[K, V]) put(k K, v V) {
	a.memory.Add(k, answer[V]{value: v, asked: a.base.now()})
}

// expire makes an answer stale, because there is word of a change.
func (a *answers[K, V]) expire(k K) {
	if last, ok := a.last(k); ok {
		last.asked = time.Time{}
		a.memory.Add(k, last)
	}
}

// fresh reports whether an answer is younger than the time to live. One from
// the future is not: a clock was wrong then, or is now.
func (a *answers[K, V]) fresh(last answer[V]) bool {
	age := a.base.now().Sub(last.asked)
	return age >= 0 && age < a.base.ttl
}

// drop removes a value from memory, but not the word that there is none.
func (a *answers[K, V]) drop(k K) {
	if last, ok := a.memory.Peek(k); ok && !last.absent {
		a.memory.Remove(k)
	}
}

func (a *answers[K, V]) result(k K, last answer[V]) (V, error) {
	if last.absent {
		return last.value, fmt.Errorf("library: %s %s: %w", a.about, k, ErrNotFound)
	}
	return last.value, nil
}

// renew asks the API if need be, and returns the best answer there is.
func (a *answers[K, V]) renew(t *flight.Task, k K) (V, error) {
	last, known := a.last(k)
	if known && a.fresh(last) {
		return a.result(k, last)
	}
	var none V
	if a.base.fenced(func(f *fence) bool { return a.source.takes(f, k) }) {
		return none, errFenced
	}
	v, err := a.source.ask(t, k)
	switch {
	case err == nil:
		a.put(k, v)
		a.source.received(k, v, last.value)
		return v, nil
	case proven(err):
		a.source.lost(k, last.value)
		a.memory.Add(k, answer[V]{absent: true, asked: a.base.now()})
		return none, err
	case errors.Is(err, ErrNotFound):
		return none, err // unsigned: nothing is destroyed or remembered
	case errors.Is(err, errFenced):
		return none, err
	case known && !last.absent && !refused(err) && !errors.Is(err, veriff.ErrRateLimited) && t.Context().Err() == nil:
		a.base.log.Warn("refresh failed; serving the stale answer", "about", a.about, "id", k.String(), "error", err)
		last.asked = a.base.now().Add(retryStale - a.base.ttl)
		a.memory.Add(k, last)
		return last.value, nil
	default:
		return none, err
	}
}

// refused reports whether the API itself refused the credentials. A proxy's
// refusal says nothing about them.
func refused(err error) bool {
	var answer *veriff.APIError
	return errors.Is(err, veriff.ErrRefused) && errors.As(err, &answer) && answer.FromAPI()
}
