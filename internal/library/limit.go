package library

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"veriffs/veriff"
)

// limit is the wait while the API takes no requests because it was asked too
// much. Those who need an answer wait here, on their own time and with
// nothing in their hands: no lane, no flight, no room in the cache. What runs
// ahead for nobody does not wait, it is left undone.
type limit struct {
	heldUntil func() time.Time // of the client
	life      context.Context
	patience  time.Duration // of those who look at the mount
	log       *slog.Logger

	mu   sync.Mutex
	told time.Time // when it was last logged that somebody has given up
}

// limitTold is how often it is logged that somebody gave up waiting. A tool
// that walks through a mount gives up at every file.
const limitTold = time.Minute

// outlasting marks the context of work that waits however long a limit lasts.
type outlasting struct{}

func outlast(ctx context.Context) context.Context {
	return context.WithValue(ctx, outlasting{}, true)
}

func outlasts(ctx context.Context) bool { return ctx.Value(outlasting{}) != nil }

// held reports whether no request goes out at present.
func (l *limit) held() bool { return l.heldUntil != nil && !l.heldUntil().IsZero() }

// sitOut calls f, and again whenever that failed for want of requests, once
// they go out again. It gives up, with the error of f, when patience is over,
// unless ctx is that of work that outlasts the limit, or with the cause of ctx's end or of the library's.
func sitOut[V any](ctx context.Context, l *limit, f func() (V, error)) (V, error) {
	patience := l.patience
	if outlasts(ctx) {
		patience = math.MaxInt64
	}
	for {
		v, err := f()
		if !errors.Is(err, veriff.ErrRateLimited) {
			return v, err
		}
		if patience <= 0 {
			l.gaveUp(err)
			return v, err
		}
		pause := min(max(time.Until(l.heldUntil()), 0), patience)
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
	}
}

func (l *limit) gaveUp(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.told) >= limitTold {
		l.told = now
		l.log.Warn("the API asked for fewer requests, and waiting for it took too long: what is not in the cache can't be opened", "error", err)
	}
}
