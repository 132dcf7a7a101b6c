package library

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestUrgentFirst: with every lane taken, those who wait are served in their
// order, and before those who run ahead for nobody.
func TestUrgentFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lanes{free: 1}
		holder := l.newClaim(t.Context(), true)
		if err := l.acquire(holder); err != nil {
			t.Fatal(err)
		}
		var (
			mu    sync.Mutex
			order []string
		)
		queue := func(name string, urgent bool) *claim {
			c := l.newClaim(t.Context(), urgent)
			go func() {
				if err := l.acquire(c); err != nil {
					return
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				l.give()
			}()
			synctest.Wait()
			return c
		}
		queue("idle 1", false)
		raised := queue("raised", false)
		queue("urgent 1", true)
		given := queue("given up", false)
		queue("urgent 2", true)
		queue("idle 2", false)
		if !l.raise(raised) {
			t.Error("a claim in the queue could not be raised")
		}
		l.giveUp(given)
		l.giveUp(raised) // somebody waits for it: no
		synctest.Wait()
		l.give()
		synctest.Wait()
		want := []string{"urgent 1", "urgent 2", "raised", "idle 1", "idle 2"}
		if !slices.Equal(order, want) {
			t.Errorf("served %q, want %q", order, want)
		}
		if l.raise(given) {
			t.Error("a claim that was given up was raised")
		}
		if l.free != 1 {
			t.Errorf("%d lanes are free in the end", l.free)
		}
	})
}

// TestLanesAreConserved takes, gives, cancels and raises at random.
func TestLanesAreConserved(t *testing.T) {
	const most = 4
	l := &lanes{free: most}
	var taken, peak atomic.Int64
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			for range 50 {
				c := l.newClaim(t.Context(), n%3 == 0)
				switch n % 5 {
				case 1:
					go l.giveUp(c)
				case 2:
					go l.raise(c)
				case 3:
					go c.cancel()
				}
				if err := l.acquire(c); err == nil {
					now := taken.Add(1)
					for old := peak.Load(); now > old && !peak.CompareAndSwap(old, now); old = peak.Load() {
					}
					taken.Add(-1)
					l.give()
				}
				l.end(c)
			}
		})
	}
	all.Wait()
	if l.free != most || len(l.urgent)+len(l.idle) != 0 {
		t.Errorf("%d lanes free and %d waiting in the end", l.free, len(l.urgent)+len(l.idle))
	}
	if peak.Load() > most {
		t.Errorf("%d lanes were taken at once", peak.Load())
	}
}

func newFlights(t *testing.T) *flights[string, int] {
	return &flights[string, int]{lanes: &lanes{free: 1}, life: t.Context(), spawn: func(f func()) {
		go func() {
			defer func() { _ = recover() }()
			f()
		}()
	}}
}

// TestFlightsAreShared: one piece of work for all, and who leaves early
// neither ends it nor gets a share.
func TestFlightsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlights(t)
		shares := 0
		f.share = func(_, n int) { shares = n }
		land, runs := make(chan struct{}), 0
		run := func(*claim) (int, error) {
			runs++
			<-land
			return 7, nil
		}
		for range 10 {
			go func() {
				if v, err := f.do(t.Context(), "key", run); v != 7 || err != nil {
					t.Errorf("do = %d, %v", v, err)
				}
			}()
		}
		leaver, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := f.do(leaver, "key", run)
			left <- err
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		close(land)
		synctest.Wait()
		if runs != 1 || shares != 10 || f.count() != 0 {
			t.Errorf("%d runs, %d shares, %d under way", runs, shares, f.count())
		}
	})
}

// TestGivenUpIsStartedAgain: who comes for work that was just given up gets
// its result all the same.
func TestGivenUpIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlights(t)
		runs := 0
		run := func(c *claim) (int, error) {
			runs++
			if !c.urgent {
				<-c.ctx.Done()
				return 0, c.ctx.Err()
			}
			return runs, nil
		}
		c := f.ahead("key", run)
		synctest.Wait()
		if again := f.ahead("key", run); again != nil {
			t.Error("work that is under way was started again")
		}
		f.lanes.giveUp(c)
		if v, err := f.do(t.Context(), "key", run); v != 2 || err != nil {
			t.Errorf("do = %d, %v", v, err)
		}
	})
}

// TestPanicsAreContained: the waiters of work that panics get an error.
func TestPanicsAreContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlights(t)
		_, err := f.do(t.Context(), "key", func(*claim) (int, error) { panic("x") })
		if !errors.Is(err, errPanicked) || f.count() != 0 {
			t.Errorf("do: %v; %d under way", err, f.count())
		}
	})
}
