package reach

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"veriffs/veriff"
)

// Limit is the wait for the moment at which the API may be asked again: it was
// asked too much, or fails for a while. Those who need an answer wait here, on
// their own time and holding nothing: no lane, no flight, no room in the cache.
// Speculative work does not wait; it is left undone.
type Limit struct {
	client Client
	life   context.Context
	log    *slog.Logger

	mu      sync.Mutex
	logged  time.Time // when it was last logged that somebody has given up
	probing bool      // whose limit it is
}

// failuresSatOut bounds how often the API is asked again if it fails and names a
// moment each time.
const failuresSatOut = 3

// limitsSatOut bounds how often one thing is asked for again although it was
// itself answered 429. It is far more than it takes to learn whose limit it is,
// and only guards against waiting for ever.
const limitsSatOut = 100

// limitLogged is how often it is logged that somebody gave up waiting: a tool
// that walks through a mount gives up at every file.
const limitLogged = time.Minute

type outlasting struct{}

// NewLimit returns the limit of a client. Waits end with life.
func NewLimit(client Client, life context.Context, log *slog.Logger) *Limit {
	return &Limit{client: client, life: life, log: log}
}

// Outlast marks the context of work that waits for as long as a limit lasts.
func Outlast(ctx context.Context) context.Context {
	return context.WithValue(ctx, outlasting{}, true)
}

// Outlasts reports whether ctx is that of such work.
func Outlasts(ctx context.Context) bool { return ctx.Value(outlasting{}) != nil }

// Held reports whether no request goes out at present.
func (l *Limit) Held() bool { return !l.client.HeldUntil().IsZero() }

// SitOut calls f, and calls it again at the moment that its error names
// (veriff.Later). It gives up with the error of f when patience is over, unless
// ctx outlasts the limit, and with the cause of their end when ctx or the
// library ends. If nothing else is asked meanwhile, a probe finds out whether the limit
// is the account's or that of this one thing, which is given up on. A failing API is given a few
// chances only, and none if it names a moment beyond patience.
func SitOut[V any](ctx context.Context, l *Limit, f func() (V, error)) (V, error) {
	patience, failures, limits := l.client.Patience(), 0, 0
	if Outlasts(ctx) {
		patience = math.MaxInt64
	}
	for {
		v, err := f()
		var later *veriff.Later
		if !errors.As(err, &later) {
			return v, err
		}
		pause := max(time.Until(later.At), 0)
		var answer *veriff.APIError
		switch limited := errors.Is(err, veriff.ErrRateLimited); {
		case limited && patience <= 0:
			if l.Held() { // else it is this one's own
				l.gaveUp(err)
			}
			return v, err
		case limited && errors.As(err, &answer): // else it was not asked for
			if limits++; limits > limitsSatOut {
				return v, err
			}
		case !limited:
			if failures++; failures > failuresSatOut || pause > patience {
				return v, err
			}
		}
		pause = min(pause, patience)
		patience -= pause
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return v, context.Cause(ctx)
		case <-l.life.Done():
			timer.Stop()
			return v, l.life.Err()
		}
		if later.Alone {
			l.probe(ctx)
		}
	}
}

// probe asks for something else, of which the answer counts: see veriff.Later. One is
// enough for all who wait.
func (l *Limit) probe(ctx context.Context) {
	l.mu.Lock()
	busy := l.probing
	l.probing = true
	l.mu.Unlock()
	if busy {
		return
	}
	_ = l.client.Probe(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probing = false
}

func (l *Limit) gaveUp(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.logged) >= limitLogged {
		l.logged = now
		l.log.Warn("the API asked for fewer requests, and waiting took too long: what is not in the cache can't be opened", "error", err)
	}
}
