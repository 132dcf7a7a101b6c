package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"veriffs/veriff"
)

// The intervals at which the API is probed while it is out of reach.
const (
	probeFirst   = time.Second
	probeLongest = 30 * time.Second
	probeTimeout = 5 * time.Second
)

// link is a circuit breaker for when the API can't be reached. After a call that
// could not reach it, others fail at once until any request is answered, so that
// an analyst without a network learns it within a second and cached files stay
// quick.
type link struct {
	probe     func(context.Context) error
	answers   func() int64     // how many requests were answered so far
	heldUntil func() time.Time // until when none goes out
	spawn     func(func())
	life      context.Context
	log       *slog.Logger

	mu      sync.Mutex
	down    error // why the circuit is open; nil while the API is in reach
	since   int64 // the number of answers when it opened
	doubted bool  // a probe is under way to decide
}

// check returns ErrOffline, with the reason, while the API is out of reach.
func (k *link) check() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down == nil {
		return nil
	}
	if k.answers() == k.since {
		return fmt.Errorf("%w: %w", ErrOffline, k.down)
	}
	k.down = nil
	k.log.Info("the API can be reached again")
	return nil
}

// report takes in the outcome of a call. Without a connection, the API is out of
// reach. If the request went out and was not answered, the API may just be slow
// at this one: a probe decides.
func (k *link) report(err error) {
	if !errors.Is(err, veriff.ErrUnreachable) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.down != nil || k.doubted || k.life.Err() != nil:
	case errors.Is(err, veriff.ErrNoAnswer):
		k.doubted = true
		k.spawn(func() { k.decide(err) })
	default:
		k.lostLocked(err)
	}
}

// decide probes whether more is wrong than the one request that was not
// answered.
func (k *link) decide(err error) {
	before := k.answers()
	again := k.ask()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.doubted = false
	if unreachable(again) && k.answers() == before && k.life.Err() == nil {
		k.lostLocked(err)
	}
}

func (k *link) lostLocked(err error) {
	k.down, k.since = err, k.answers()
	k.log.Warn("the API can't be reached: what is in the cache keeps working", "error", err)
	k.spawn(k.watch)
}

func (k *link) ask() error {
	ctx, cancel := context.WithTimeout(k.life, probeTimeout)
	defer cancel()
	return k.probe(ctx)
}

func unreachable(err error) bool {
	return errors.Is(err, veriff.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded)
}

// watch probes until the API answers, whatever its answer.
func (k *link) watch() {
	for pause := probeFirst; k.check() != nil; pause = min(2*pause, probeLongest) {
		select {
		case <-k.life.Done():
			return
		case <-time.After(max(pause, time.Until(k.heldUntil()))):
		}
		if k.check() != nil {
			_ = k.ask() // check sees whether it was answered
		}
	}
}
