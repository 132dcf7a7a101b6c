package flight

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

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

// TestLaneIsKept: whoever opens what nobody foresaw waits for a lane once, and not again
// soon.
func TestLaneIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLanes(t.Context(), 4, nil)
		var ran atomic.Int64
		begin := func(urgent bool) (end chan struct{}) {
			task, end := l.begin(urgent), make(chan struct{})
			go l.Through(task.ctx, task, func() error {
				ran.Add(1)
				<-end
				return nil
			})
			synctest.Wait()
			return end
		}
		expect := func(n int64, when string) {
			t.Helper()
			if synctest.Wait(); ran.Load() != n {
				t.Errorf("%d have run, want %d %s", ran.Load(), n, when)
			}
		}
		var ahead []chan struct{}
		for range 10 {
			ahead = append(ahead, begin(false))
		}
		expect(4, "on four lanes")
		first := begin(true)
		expect(4, "before any ends")
		close(ahead[0])
		expect(5, "as somebody waits")
		close(first)
		expect(5, "as one lane is kept")
		second := begin(true)
		expect(6, "as the second finds a lane")
		close(second)
		close(ahead[1])
		expect(7, "on the three other lanes")
		time.Sleep(keepFree)
		close(ahead[2])
		expect(9, "as no lane is kept any more")
		for _, end := range ahead[3:] {
			close(end)
		}
		expect(12, "in the end")
	})
}

// TestOnlyLaneIsNotKept: reading ahead has what there is.
func TestOnlyLaneIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLanes(t.Context(), 1, nil)
		var all sync.WaitGroup
		for _, urgent := range []bool{false, true, false, false} {
			task := l.begin(urgent)
			all.Go(func() {
				if err := l.Through(task.ctx, task, func() error { time.Sleep(time.Second); return nil }); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		began := time.Now()
		if all.Wait(); time.Since(began) != 4*time.Second {
			t.Errorf("four calls of a second took %v", time.Since(began))
		}
	})
}

func waits(t *testing.T, running *int, n int) bool {
	t.Helper()
	synctest.Wait()
	return *running == n
}
