package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/veriff"
)

// TestSitOut: the waiting for a limit ends with it, with patience, with the
// caller, and with the library.
func TestSitOut(t *testing.T) {
	limited := fmt.Errorf("%w: wait", veriff.ErrRateLimited)
	gone := errors.New("gone")
	for name, test := range map[string]struct {
		held     time.Duration
		patience time.Duration // 0: it outlasts the limit
		leaves   time.Duration // the caller; 0: never
		closes   time.Duration // the library; 0: never
		want     error
		after    time.Duration
	}{
		"passes":        {10 * time.Second, 18 * time.Second, 0, 0, nil, 10 * time.Second},
		"lasts":         {time.Minute, 18 * time.Second, 0, 0, veriff.ErrRateLimited, 18 * time.Second},
		"lasts forever": {time.Hour, 0, 0, 0, nil, time.Hour},
		"caller leaves": {time.Hour, 0, time.Second, 0, gone, time.Second},
		"library ends":  {time.Hour, 0, 0, time.Second, context.Canceled, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				until := time.Now().Add(test.held)
				life, end := context.WithCancel(t.Context())
				defer end()
				ctx, leave := context.WithCancelCause(t.Context())
				defer leave(nil)
				if test.leaves > 0 {
					time.AfterFunc(test.leaves, func() { leave(gone) })
				}
				if test.closes > 0 {
					time.AfterFunc(test.closes, end)
				}
				l := &limit{heldUntil: func() time.Time { return until }, life: life, patience: test.patience, log: slog.New(slog.DiscardHandler)}
				begun, calls := time.Now(), 0
				waits := ctx
				if test.patience == 0 {
					waits = outlast(ctx)
				}
				v, err := sitOut(waits, l, func() (int, error) {
					if calls++; time.Now().Before(until) {
						return 0, limited
					}
					return 7, nil
				})
				if !errors.Is(err, test.want) || (v == 7) != (err == nil) || time.Since(begun) != test.after || calls > 2 {
					t.Errorf("%d, %v after %s and %d calls", v, err, time.Since(begun), calls)
				}
			})
		})
	}
}
