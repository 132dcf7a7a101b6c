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

// limit is the wait for the moment at which the API wants to be asked again,
// since it was asked too much or fails for a while. Those who need an answer
// wait here, on their own time and with nothing in their hands: no lane, no
// flight, no room in the cache. What runs ahead for nobody does not wait, it
// is left undone.
type limit struct {
	heldUntil func() time.Time // of the client
	life      context.Context
	patience  time.Duration // of those who look at the mount
	log       *slog.Logger

	mu     sync.Mutex
	logged time.Time // when it was last logged that somebody has given up
}

// failuresSatOut bounds how often the API is asked again for what it fails
// at, naming a moment each time.
const failuresSatOut = 3

// limitLogged is how often it is logged that somebody gave up waiting: a tool
// that walks through a mount gives up at every file.
const limitLogged = time.Minute

// outlasting marks the context of work that waits however long a limit lasts.
type outlasting struct{}

func outlast(ctx context.Context) context.Context {
	return context.WithValue(ctx, outlasting{}, true)
}

func outlasts(ctx context.Context) bool { return ctx.Value(outlasting{}) != nil }

// held reports whether no request goes out at present.
func (l *limit) held() bool { return l.heldUntil != nil && !l.heldUntil().IsZero() }

// sitOut calls f, and again whenever that failed with a moment at which to ask
// again, once that has come. It gives up, with the error of f, when patience
// is over, unless ctx is that of work that outlasts the limit, or with the
// cause of ctx's end or of the library's. A failure that is not for want of
// requests is sat out a few times only, and not at all if it lasts for longer
// than patience.
func sitOut[V any](ctx context.Context, l *limit, f func() (V, error)) (V, error) {
	patience, failures := l.patience, 0
	if outlasts(ctx) {
		patience = math.MaxInt64
	}
	for {
		v, err := f()
		var later *veriff.Later
		if !errors.As(err, &later) {
			return v, err
		}
		pause := max(time.Until(later.At), 0)
		if limited := errors.Is(err, veriff.ErrRateLimited); limited && patience <= 0 {
			l.gaveUp(err)
			return v, err
		} else if !limited {
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
	}
}

func (l *limit) gaveUp(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.logged) >= limitLogged {
		l.logged = now
		l.log.Warn("the API asked for fewer requests, and waiting for it took too long: what is not in the cache can't be opened", "error", err)
	}
}
