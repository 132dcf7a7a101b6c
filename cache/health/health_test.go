package health

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestBackOff has probes fail: they come less and less often, and the first
// that succeeds ends them. A disk that soon falls sick again has to wait longer.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var logged strings.Builder
		d := New(ctx, slog.New(slog.NewTextHandler(&logged, nil)))
		var mu sync.Mutex
		var probes []int // seconds after the start
		start := time.Now()
		well, recovered := false, 0
		go d.Run(func() error {
			mu.Lock()
			defer mu.Unlock()
			probes = append(probes, int(time.Since(start).Seconds()))
			if well {
				return nil
			}
			return errors.New("still sick")
		}, func() { recovered++ })
		wait := func(d time.Duration) {
			mu.Unlock()
			time.Sleep(d)
			synctest.Wait()
			mu.Lock()
		}
		mu.Lock()
		defer mu.Unlock()
		check := func(what string, want ...int) {
			t.Helper()
			if got := fmt.Sprint(probes); got != fmt.Sprint(want) {
				t.Errorf("%s: probes at %v, want %v", what, got, want)
			}
			probes = nil
		}
		wait(time.Hour)
		check("well")
		start = time.Now()
		d.Fault(errors.New("a fault"), false)
		wait(2 * time.Minute)
		check("sick", 1, 3, 7, 15, 31, 63)
		well = true
		wait(time.Minute)
		check("mended", 123)
		if recovered != 1 || d.Sick() || strings.Count(logged.String(), "bypassed") != 1 || strings.Count(logged.String(), "in use again") != 1 {
			t.Errorf("recovered %d times, sick %v, logged %s", recovered, d.Sick(), logged.String())
		}
		start = time.Now()
		d.Fault(errors.New("the next fault"), true)
		wait(LastPause)
		check("again at once", 60)
		wait(2 * LastPause)
		start = time.Now()
		d.Fault(errors.New("a late fault"), true)
		wait(LastPause)
		check("much later", 1)
	})
}

// TestFaults checks which errors are the disk's fault.
func TestFaults(t *testing.T) {
	benign := errors.New("benign")
	ctx, cancel := context.WithCancel(t.Context())
	d := New(ctx, slog.New(slog.DiscardHandler), benign)
	for _, err := range []error{nil, benign, fmt.Errorf("wrapped: %w", fs.ErrClosed), unix.EMFILE, unix.ENFILE, unix.ENOMEM} {
		d.Fault(err, true)
		if d.Sick() {
			t.Errorf("%v is a fault", err)
		}
	}
	for _, read := range []bool{false, true, false} {
		was := d.Unreadable()
		d.Fault(unix.EIO, read)
		if !d.Sick() || d.Unreadable() != (read || was) {
			t.Errorf("read %v: sick %v, unreadable %v", read, d.Sick(), d.Unreadable())
		}
	}
	d.Try(func() error { return nil }, func() {})
	if d.Sick() {
		t.Error("sick after a probe that succeeded")
	}
	cancel()
	d.Fault(unix.EIO, true)
	if d.Sick() {
		t.Error("a fault after the end")
	}
}
