package flight

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestUrgentFirst: with every lane taken, those who wait are served in their

// order, and before those who run ahead for nobody.

// TestLanesAreConserved takes, gives, cancels and raises at random.

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

// TestFewAhead: speculative work gets no more lanes than it may have, whatever is free, and

// who waits gets one at once: also for work that was speculative.

// waits reports whether n are running once all else waits.
