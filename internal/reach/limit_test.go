package reach

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

// holding is a client that holds requests back.
type holding struct {
	until    time.Time
	patience time.Duration
}

func (h holding) Probe(context.Context) error { return nil }
func (h holding) Answers() int64              { return 0 }
func (h holding) HeldUntil() time.Time        { return h.until }
func (h holding) Patience() time.Duration     { return h.patience }

// TestSitOut: the waiting for a limit ends with it, with patience, with the
// caller, and with the library.
func TestSitOut(t *testing.T) {
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
				l := NewLimit(holding{until, test.patience}, life, slog.New(slog.DiscardHandler))
				begun, calls := time.Now(), 0
				waits := ctx
				if test.patience == 0 {
					waits = Outlast(ctx)
				}
				v, err := SitOut(waits, l, func() (int, error) {
					if calls++; time.Now().Before(until) {
						return 0, fmt.Errorf("listed: %w", &veriff.Later{Err: veriff.ErrRateLimited, At: until})
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

// TestSitOutFailures: a server that fails and names a moment is asked again
// then, a few times, if that is soon enough; and what names none is not.
func TestSitOutFailures(t *testing.T) {
	const patience = 18 * time.Second
	for name, test := range map[string]struct {
		pause    time.Duration
		failures int // then it goes well
		outlasts bool
		calls    int
		after    time.Duration
	}{
		"passes":                  {2 * time.Second, 1, false, 2, 2 * time.Second},
		"lasts":                   {2 * time.Second, 100, false, 4, 6 * time.Second},
		"lasts, for a warming":    {2 * time.Second, 100, true, 4, 6 * time.Second},
		"longer than patience":    {19 * time.Second, 1, false, 1, 0},
		"together too long":       {10 * time.Second, 2, false, 2, 10 * time.Second},
		"not, for a warming":      {10 * time.Second, 2, true, 3, 20 * time.Second},
		"no moment, nothing done": {0, 1, false, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.outlasts {
					ctx = Outlast(ctx)
				}
				l := NewLimit(holding{patience: patience}, t.Context(), slog.New(slog.DiscardHandler))
				begun, calls := time.Now(), 0
				_, err := SitOut(ctx, l, func() (int, error) {
					if calls++; calls > test.failures {
						return 7, nil
					}
					if test.pause == 0 {
						return 0, veriff.ErrServer
					}
					return 0, &veriff.Later{Err: veriff.ErrServer, At: time.Now().Add(test.pause)}
				})
				if (err == nil) != (test.calls > test.failures) || err != nil && !errors.Is(err, veriff.ErrServer) || calls != test.calls || time.Since(begun) != test.after {
					t.Errorf("%v after %s and %d calls", err, time.Since(begun), calls)
				}
			})
		})
	}
}

// limited is a client that counts probes.
type limited struct {
	holding
	probes int
}

func (l *limited) Probe(context.Context) error { l.probes++; return nil }

// TestSitOutOwnLimit: whoever waits asks for something else when it is open whose
// limit it is: nobody else may. Work that outlasts limits gives up on what is limited
// time and again, a reader when patience ends.
func TestSitOutOwnLimit(t *testing.T) {
	const patience = 18 * time.Second
	for name, test := range map[string]struct {
		outlasts, alone bool
		calls, probes   int
	}{
		"a warming":                 {true, true, limitsSatOut + 1, limitsSatOut},
		"a warming, others go well": {true, false, limitsSatOut + 1, 0},
		"a reader":                  {false, true, 19, 18},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.outlasts {
					ctx = Outlast(ctx)
				}
				c := &limited{holding: holding{patience: patience}}
				calls := 0
				_, err := SitOut(ctx, NewLimit(c, t.Context(), slog.New(slog.DiscardHandler)), func() (int, error) {
					if calls++; calls > 10*limitsSatOut {
						return 0, errors.New("it is asked for ever")
					}
					err := fmt.Errorf("%w: %w", veriff.ErrRateLimited, &veriff.APIError{Status: 429})
					return 0, &veriff.Later{Err: err, At: time.Now().Add(time.Second), Alone: test.alone}
				})
				if !errors.Is(err, veriff.ErrRateLimited) || calls != test.calls || c.probes != test.probes {
					t.Errorf("%v after %d calls and %d probes", err, calls, c.probes)
				}
			})
		})
	}
}
