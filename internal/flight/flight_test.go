package flight

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
		l := NewLanes(t.Context(), 1, nil)
		holder := l.begin(true)
		lane, err := l.acquire(holder.ctx, holder)
		if err != nil {
			t.Fatal(err)
		}
		var (
			mu    sync.Mutex
			order []string
		)
		queue := func(name string, urgent bool) *Task {
			c := l.begin(urgent)
			go func() {
				_ = l.Through(c.ctx, c, func() error {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, name)
					return nil
				})
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
			t.Error("a task in the queue could not be raised")
		}
		l.GiveUp(given)
		l.GiveUp(raised) // somebody waits for it: no
		synctest.Wait()
		l.give(lane)
		synctest.Wait()
		want := []string{"urgent 1", "urgent 2", "raised", "idle 1", "idle 2"}
		if !slices.Equal(order, want) {
			t.Errorf("served %q, want %q", order, want)
		}
		if l.raise(given) {
			t.Error("a task that was given up was raised")
		}
		if l.free != 1 {
			t.Errorf("%d lanes are free in the end", l.free)
		}
	})
}

// TestLanesAreConserved takes, gives, cancels and raises at random.
func TestLanesAreConserved(t *testing.T) {
	const most = 4
	l := NewLanes(t.Context(), most, nil)
	var taken, peak atomic.Int64
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			for range 50 {
				c := l.begin(n%3 == 0)
				switch n % 5 {
				case 1:
					go l.GiveUp(c)
				case 2:
					go l.raise(c)
				case 3:
					go c.cancel(nil)
				}
				_ = l.Through(c.ctx, c, func() error {
					now := taken.Add(1)
					for old := peak.Load(); now > old && !peak.CompareAndSwap(old, now); old = peak.Load() {
					}
					taken.Add(-1)
					return nil
				})
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

func newGroup(t *testing.T, held func() bool) *Group[string, int] {
	return NewGroup[string, int](NewLanes(t.Context(), 1, held), func(f func()) {
		go func() {
			defer func() { _ = recover() }()
			f()
		}()
	}, nil)
}

// TestFlightsAreShared: one piece of work for all, and who leaves early
// neither ends it nor gets a share.
func TestFlightsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newGroup(t, nil)
		shares := 0
		f.share = func(_, n int) { shares = n }
		land, runs := make(chan struct{}), 0
		run := func(*Task) (int, error) {
			runs++
			<-land
			return 7, nil
		}
		for range 10 {
			go func() {
				if v, err := f.Do(t.Context(), "key", run); v != 7 || err != nil {
					t.Errorf("do = %d, %v", v, err)
				}
			}()
		}
		leaver, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := f.Do(leaver, "key", run)
			left <- err
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		close(land)
		synctest.Wait()
		if runs != 1 || shares != 10 || f.Count() != 0 {
			t.Errorf("%d runs, %d shares, %d under way", runs, shares, f.Count())
		}
	})
}

// TestGivenUpIsStartedAgain: who comes for work that was just given up gets
// its result all the same.
func TestGivenUpIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newGroup(t, nil)
		runs := 0
		run := func(c *Task) (int, error) {
			runs++
			if !c.urgent {
				<-c.ctx.Done()
				return 0, c.ctx.Err()
			}
			return runs, nil
		}
		c := f.Speculate("key", run)
		synctest.Wait()
		if again := f.Speculate("key", run); again != nil {
			t.Error("work that is under way was started again")
		}
		f.lanes.GiveUp(c)
		if v, err := f.Do(t.Context(), "key", run); v != 2 || err != nil {
			t.Errorf("do = %d, %v", v, err)
		}
	})
}

// TestPanicsAreContained: the waiters of work that panics get an error.
func TestPanicsAreContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newGroup(t, nil)
		_, err := f.Do(t.Context(), "key", func(*Task) (int, error) { panic("x") })
		if !errors.Is(err, ErrPanicked) || f.Count() != 0 {
			t.Errorf("do: %v; %d under way", err, f.Count())
		}
	})
}

// TestNoSpeculationWhileHeld: what nobody waits for is not begun while the lanes
// are held.
func TestNoSpeculationWhileHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := true
		f := newGroup(t, func() bool { return held })
		run := func(*Task) (int, error) { return 1, nil }
		if c := f.Speculate("key", run); c != nil || f.Count() != 0 {
			t.Errorf("it was begun: %d under way", f.Count())
		}
		held = false
		if c := f.Speculate("key", run); c == nil {
			t.Error("it was not begun afterwards")
		}
	})
}

// TestAwaitWaitsBehind: who awaits makes nothing urgent, and starts again what
// a speculation had begun and gave up.
func TestAwaitWaitsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newGroup(t, nil)
		runs := 0
		run := func(k *Task) (int, error) {
			if runs++; runs == 1 {
				<-k.Context().Done()
				return 0, k.Context().Err()
			}
			return runs, nil
		}
		k := f.Speculate("key", run)
		got := make(chan int)
		go func() {
			v, _ := f.Await(t.Context(), "key", run)
			got <- v
		}()
		synctest.Wait()
		if f.lanes.Busy() {
			t.Error("it is urgent")
		}
		f.lanes.GiveUp(k)
		if v := <-got; v != 2 {
			t.Errorf("await = %d", v)
		}
	})
}

// TestStop: work that is stopped fails with why for all who wait, and keeps the error
// that it had come to before. Nobody waits for the rest.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newGroup(t, nil)
		why, own := errors.New("why"), errors.New("its own")
		hangs := func(c *Task) (int, error) {
			<-c.Context().Done()
			return 0, c.Context().Err()
		}
		got := make(map[string]chan error)
		for key, run := range map[string]Work[int]{
			"stopped": hangs,
			"failed":  func(c *Task) (int, error) { _, _ = hangs(c); return 0, own },
			"other":   hangs,
		} {
			got[key] = make(chan error, 1)
			go func() {
				_, err := f.Do(t.Context(), key, run)
				got[key] <- err
			}()
		}
		synctest.Wait()
		if err := f.Stop(t.Context(), why, func(key string) bool { return key != "other" }); err != nil {
			t.Fatal(err)
		}
		if err := <-got["stopped"]; !errors.Is(err, why) {
			t.Errorf("what was stopped: %v", err)
		}
		if err := <-got["failed"]; !errors.Is(err, own) {
			t.Errorf("what had failed: %v", err)
		}
		select {
		case err := <-got["other"]:
			t.Errorf("what was not stopped: %v", err)
		default:
		}
		_ = f.Stop(t.Context(), why, func(string) bool { return true })
	})
}

// TestUrgentInEveryPool: what becomes urgent goes first in whichever pool it waits.
func TestUrgentInEveryPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLanes(t.Context(), 1, nil)
		p := l.More(1, nil)
		holder := l.begin(true)
		lane, err := p.acquire(holder.ctx, holder)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.acquire(holder.ctx, holder); err != nil {
			t.Fatal("the pools have lanes of their own:", err)
		}
		var order []string // appended to by one at a time, who has the lane
		wait := func(name string) *Task {
			task := l.begin(false)
			go p.Through(task.ctx, task, func() error {
				order = append(order, name)
				return nil
			})
			synctest.Wait()
			return task
		}
		wait("first")
		second := wait("second")
		left, leave := context.WithCancel(t.Context())
		gone := l.begin(false)
		go func() {
			if err := p.Through(left, gone, func() error { return nil }); !errors.Is(err, context.Canceled) {
				t.Error("it got a lane that it did not wait for any more:", err)
			}
		}()
		synctest.Wait()
		leave()
		l.raise(second)
		p.give(lane)
		synctest.Wait()
		if len(order) != 2 || order[0] != "second" || p.free != 1 || l.free != 0 {
			t.Errorf("order %q, %d and %d lanes free", order, p.free, l.free)
		}
	})
}

// TestFewAhead: speculative work gets no more lanes than it may have, whatever is free, and
// who waits gets one at once: also for work that was speculative.
func TestFewAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLanes(t.Context(), 1, nil)
		ahead := 2
		p := l.More(4, func() int { return ahead })
		running, done := 0, make(chan struct{})
		begin := func(urgent bool) *Task {
			task := l.begin(urgent)
			go p.Through(task.ctx, task, func() error {
				running++ // one at a time: see below
				<-done
				return nil
			})
			synctest.Wait()
			return task
		}
		var last *Task
		for range 3 {
			last = begin(false)
		}
		if running != 2 {
			t.Errorf("%d run ahead", running)
		}
		if l.raise(last); !waits(t, &running, 3) {
			t.Errorf("%d run after one of them became urgent", running)
		}
		if begin(true); running != 4 {
			t.Errorf("%d run after an urgent one", running)
		}
		begin(false)
		begin(false)
		begin(false)
		ahead = 1
		done <- struct{}{}
		done <- struct{}{}
		done <- struct{}{}
		done <- struct{}{}
		if !waits(t, &running, 5) {
			t.Errorf("%d have run, and one of three more may", running)
		}
		close(done)
	})
}

// waits reports whether n are running once all else waits.
func waits(t *testing.T, running *int, n int) bool {
	t.Helper()
	synctest.Wait()
	return *running == n
}
