// Package reach is whether the API can be asked: a circuit breaker for when it is
// out of reach, and the wait for when it wants fewer requests.
//
// Promises: while the circuit is open, calls fail at once, until any request is
// answered. Whoever waits for a limit holds nothing meanwhile, and its wait ends
// with its context, its patience or the owner's life.
//
// A [Link] and a [Limit] are safe for concurrent use. Each has one lock, never
// held across a request.
package reach

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

// ErrOffline says that the API could not be reached a moment ago, and was not
// asked again.
var ErrOffline = errors.New("the API can't be reached")

// Client is what a link and a limit need of the API's client.
type Client interface {
	Probe(context.Context) error
	Answers() int64       // how many requests were answered so far
	HeldUntil() time.Time // until when no request goes out; zero if they do
	Patience() time.Duration
}

// Link is a circuit breaker for when the API can't be reached. After a call that
// could not reach it, others fail at once until any request is answered, so that
// an analyst without a network learns it within a second and cached files stay
// quick.
type Link struct {
	client Client
	spawn  func(func())
	life   context.Context
	log    *slog.Logger

	mu      sync.Mutex
	down    error // why the circuit is open; nil while the API is in reach
	since   int64 // the number of answers when it opened
	doubted bool  // a probe is under way to decide
	outage  int   // which one it is, or was
}

// NewLink returns a closed circuit. Its probes are run by spawn and end with life.
func NewLink(client Client, life context.Context, spawn func(func()), log *slog.Logger) *Link {
	return &Link{client: client, life: life, spawn: spawn, log: log}
}

// Check returns ErrOffline, with the reason, while the API is out of reach.
func (k *Link) Check() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down == nil {
		return nil
	}
	if k.client.Answers() == k.since {
		return fmt.Errorf("%w: %w", ErrOffline, k.down)
	}
	k.down = nil
	k.log.Info("the API can be reached again")
	return nil
}

// Report takes in the outcome of a call. Without a connection, the API is out of
// reach. If the request went out and was not answered, the API may just be slow
// at this one: a probe decides.
func (k *Link) Report(err error) {
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
func (k *Link) decide(err error) {
	before := k.client.Answers()
	again := k.ask()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.doubted = false
	if unreachable(again) && k.client.Answers() == before && k.life.Err() == nil {
		k.lostLocked(err)
	}
}

func (k *Link) lostLocked(err error) {
	k.down, k.since = err, k.client.Answers()
	k.log.Warn("the API can't be reached: what is in the cache keeps working", "error", err)
	k.outage++
	outage := k.outage
	k.spawn(func() { k.watch(outage) })
}

func (k *Link) ask() error {
	ctx, cancel := context.WithTimeout(k.life, probeTimeout)
	defer cancel()
	return k.client.Probe(ctx)
}

// unreachable reports whether a probe went out and was not answered in time.
func unreachable(err error) bool {
	return errors.Is(err, veriff.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, veriff.ErrNotSent)
}

// watch probes until the API answers, whatever its answer. Another outage has
// another watch.
func (k *Link) watch(outage int) {
	for pause := probeFirst; k.out(outage); pause = min(2*pause, probeLongest) {
		select {
		case <-k.life.Done():
			return
		case <-time.After(max(pause, time.Until(k.client.HeldUntil()))):
		}
		if k.out(outage) {
			_ = k.ask() // Check sees whether it was answered
		}
	}
}

// out reports whether an outage lasts.
func (k *Link) out(outage int) bool {
	down := k.Check() != nil
	k.mu.Lock()
	defer k.mu.Unlock()
	return down && k.outage == outage
}
