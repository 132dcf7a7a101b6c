// Package flight lets many callers share one piece of work, and pieces of work
// share a number of lanes.
//
// Promises. There is one flight for a key at a time, however many ask for it.
// The work belongs to the key and not to who came first: a caller who leaves
// fails nobody else, and the work goes on, so that its result is there when it
// is asked for again. Every wait ends with the caller's context. A panic in
// the work is an error for those who wait, see [ErrPanicked].
//
// Not promised: results are not kept; whoever wants them keeps them.
//
// Locking. A [Group] and [Lanes] are safe for concurrent use. Lanes.mu may be
// taken with Group.mu held; neither is held while work is done.
package flight

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"sync"
)

// ErrPanicked is what those get who wait for work that panics.
var ErrPanicked = errors.New("internal error, see the log")

// Group is the flights of one kind of work, by key.
type Group[K comparable, V any] struct {
	lanes *Lanes
	spawn func(func())
	share func(v V, callers int)

	mu     sync.Mutex
	flying map[K]*flight[V]
}

// NewGroup returns a group whose work spawn runs in goroutines that somebody
// owns, containing panics. share, unless nil, is told of each result and of
// how many callers get it, before they do.
func NewGroup[K comparable, V any](lanes *Lanes, spawn func(func()), share func(v V, callers int)) *Group[K, V] {
	return &Group[K, V]{lanes: lanes, spawn: spawn, share: share, flying: make(map[K]*flight[V])}
}

type flight[V any] struct {
	task    *Task
	done    chan struct{} // closed once value and err are set
	callers int           // guarded by Group.mu, final once done is closed
	value   V
	err     error
}

// Work is what a flight is for. It ends with its task.
type Work[V any] func(*Task) (V, error)

// Do returns the result of the work on key that is under way, which it starts
// if there is none. It returns early with the cause of ctx's end; a result that
// is there already is returned even then, because its share is counted.
func (g *Group[K, V]) Do(ctx context.Context, key K, work Work[V]) (V, error) {
	for {
		f := g.join(key, true, work)
		alive := g.lanes.raise(f.task)
		select {
		case <-f.done:
			if !alive && g.givenUp(f) {
				continue
			}
			return f.value, f.err
		case <-ctx.Done():
			if g.leave(f) {
				return f.value, f.err
			}
			var none V
			return none, context.Cause(ctx)
		}
	}
}

// Await is Do for those who can wait behind everybody else, and want no share
// of the result.
func (g *Group[K, V]) Await(ctx context.Context, key K, work Work[V]) (V, error) {
	for {
		f := g.join(key, false, work)
		select {
		case <-f.done:
			if g.givenUp(f) {
				continue
			}
			return f.value, f.err
		case <-ctx.Done():
			var none V
			return none, context.Cause(ctx)
		}
	}
}

// Speculate starts work on key that nobody waits for, unless it is under way or
// the lanes are held. It returns the task, by which it can be given up, or nil.
func (g *Group[K, V]) Speculate(key K, work Work[V]) *Task {
	if g.lanes.held() {
		return nil
	}
	g.mu.Lock()
	_, flying := g.flying[key]
	g.mu.Unlock()
	if flying {
		return nil
	}
	return g.join(key, false, work).task
}

// Stop ends the work that is under way now on the keys that which returns true for,
// whoever waits for it, and returns when all of it has ended. Work that fails for that
// fails with why; what it had found out before stays its result.
func (g *Group[K, V]) Stop(ctx context.Context, why error, which func(K) bool) error {
	g.mu.Lock()
	flying := maps.Clone(g.flying)
	g.mu.Unlock()
	maps.DeleteFunc(flying, func(k K, _ *flight[V]) bool { return !which(k) })
	for _, f := range flying {
		f.task.cancel(why)
	}
	for _, f := range flying {
		select {
		case <-f.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Count returns how many keys are being worked on.
func (g *Group[K, V]) Count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.flying)
}

// givenUp reports whether speculative work was given up just before somebody
// came for it.
func (g *Group[K, V]) givenUp(f *flight[V]) bool {
	return errors.Is(f.err, context.Canceled) && g.lanes.life.Err() == nil
}

// join returns the flight of a key, which it starts if need be.
func (g *Group[K, V]) join(key K, waits bool, work Work[V]) *flight[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	f, ok := g.flying[key]
	if !ok {
		f = &flight[V]{task: g.lanes.begin(waits), done: make(chan struct{})}
		g.flying[key] = f
		g.spawn(func() { g.fly(key, f, work) })
	}
	if waits {
		f.callers++
	}
	return f
}

// leave takes back a caller's interest. It reports true if the flight has
// ended: then the caller has its share of the result.
func (g *Group[K, V]) leave(f *flight[V]) (ended bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-f.done:
		return true
	default:
		f.callers--
		return false
	}
}

func (g *Group[K, V]) fly(key K, f *flight[V], work Work[V]) {
	f.err = ErrPanicked
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.flying, key)
		if f.err == nil && g.share != nil {
			g.share(f.value, f.callers)
		}
		close(f.done)
		g.lanes.end(f.task)
	}()
	f.value, f.err = work(f.task)
	if errors.Is(f.err, context.Canceled) {
		f.err = cmp.Or(context.Cause(f.task.ctx), f.err) // why it was stopped
	}
}
