package reach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/veriff"
)

var (
	errNoConnection = fmt.Errorf("%w: refused", veriff.ErrUnreachable)
	errNoAnswer     = fmt.Errorf("%w: %w: silent", veriff.ErrUnreachable, veriff.ErrNoAnswer)
	errNotSent      = fmt.Errorf("%w: %w", veriff.ErrNotSent, context.DeadlineExceeded)
	errSlow         = fmt.Errorf("%w: silent", veriff.ErrNoAnswer)
)

// linkWorld is a link and what it meets.
type linkWorld struct {
	*Link
	probes  atomic.Int64
	answer  atomic.Bool // the API does, to probes
	busy    atomic.Bool // all connections are: no probe goes out
	counted atomic.Int64
	held    atomic.Pointer[time.Time]
}

func inLinkWorld(t *testing.T, test func(t *testing.T, w *linkWorld)) {
	synctest.Test(t, func(t *testing.T) {
		w := new(linkWorld)
		life, end := context.WithCancel(t.Context())
		var work sync.WaitGroup
		w.Link = NewLink(w, life, func(f func()) { work.Go(f) }, slog.New(slog.DiscardHandler))
		test(t, w)
		end()
		work.Wait()
	})
}

func (w *linkWorld) Probe(context.Context) error {
	w.probes.Add(1)
	time.Sleep(time.Millisecond)
	if w.busy.Load() {
		return errNotSent
	}
	if w.answer.Load() {
		w.counted.Add(1)
		return nil
	}
	return errNoAnswer
}

func (w *linkWorld) Answers() int64 { return w.counted.Load() }

func (w *linkWorld) HeldUntil() (until time.Time) {
	if p := w.held.Load(); p != nil && time.Now().Before(*p) {
		return *p
	}
	return until
}

func (w *linkWorld) Patience() time.Duration { return 0 }

func (w *linkWorld) want(t *testing.T, offline bool) {
	t.Helper()
	if err := w.Check(); errors.Is(err, ErrOffline) != offline {
		t.Errorf("offline: %v, want %v", err, offline)
	}
}

// TestLinkDown: no connection means offline, at once, and any answer ends it.
func TestLinkDown(t *testing.T) {
	inLinkWorld(t, func(t *testing.T, w *linkWorld) {
		w.Report(nil)
		w.Report(veriff.ErrServer)
		w.Report(errSlow)
		w.want(t, false)
		w.Report(errNoConnection)
		w.want(t, true)
		time.Sleep(10 * time.Second)
		w.want(t, true)
		if n := w.probes.Load(); n != 3 {
			t.Errorf("%d probes in ten seconds", n)
		}
		w.counted.Add(1) // of a call that was under way
		w.want(t, false)
		before := w.probes.Load()
		time.Sleep(time.Hour)
		if n := w.probes.Load() - before; n != 0 {
			t.Errorf("%d probes afterwards", n)
		}
		w.Report(errNoConnection)
		w.answer.Store(true)
		w.want(t, true)
		time.Sleep(probeFirst + time.Second/10)
		w.want(t, false)
	})
}

// TestLinkDoubt: a request that is not answered, while nobody else asks
// anything, is one that the API is slow at, unless a probe has no answer
// either.
func TestLinkDoubt(t *testing.T) {
	inLinkWorld(t, func(t *testing.T, w *linkWorld) {
		doubt := func() {
			t.Helper()
			before := w.probes.Load()
			w.Report(errNoAnswer)
			w.Report(errNoAnswer)
			w.want(t, false)
			time.Sleep(time.Second / 10)
			if n := w.probes.Load() - before; n != 1 {
				t.Errorf("%d probes", n)
			}
		}
		w.answer.Store(true)
		doubt()
		w.want(t, false)
		w.answer.Store(false)
		time.AfterFunc(time.Microsecond, func() { w.counted.Add(1) }) // of somebody else
		doubt()
		w.want(t, false)
		doubt()
		w.want(t, true)
	})
}

// TestLinkProbeNotSent: a probe that found no free connection in its time decides
// nothing.
func TestLinkProbeNotSent(t *testing.T) {
	inLinkWorld(t, func(t *testing.T, w *linkWorld) {
		w.busy.Store(true)
		w.Report(errNoAnswer)
		time.Sleep(time.Second / 10)
		if n := w.probes.Load(); n != 1 {
			t.Errorf("%d probes", n)
		}
		w.want(t, false)
		w.busy.Store(false)
		w.Report(errNoAnswer)
		time.Sleep(time.Second / 10)
		w.want(t, true)
	})
}

// TestLinkKeepsToLimit: no probe is due before requests go out again.
func TestLinkKeepsToLimit(t *testing.T) {
	inLinkWorld(t, func(t *testing.T, w *linkWorld) {
		until := time.Now().Add(5 * time.Minute)
		w.held.Store(&until)
		w.answer.Store(true)
		w.Report(errNoConnection)
		time.Sleep(5*time.Minute - 1)
		if n := w.probes.Load(); n != 0 {
			t.Errorf("%d probes", n)
		}
		w.want(t, true)
		time.Sleep(time.Second)
		w.want(t, false)
	})
}
