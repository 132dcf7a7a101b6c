package library

import (
	"context"
	"errors"
	"sync"
)

// errPanicked is what the waiters of a flight get whose work panicked.
var errPanicked = errors.New("library: internal error, see the log")

// flights lets many callers share one piece of work per key. The work
// belongs to the key, not to the caller who came first: a caller who leaves
// early fails nobody else, and the work goes on so that its result is there
// when it is asked for again.
type flights[K comparable, V any] struct {
	lanes *lanes
	life  context.Context
	spawn func(func())     // runs the work in a goroutine that somebody owns
	share func(v V, n int) // told of each result and how many callers now own it

	mu  sync.Mutex
	now map[K]*flight[V]
}

type flight[V any] struct {
	claim   *claim
	done    chan struct{} // closed once value and err are set
	waiters int           // guarded by flights.mu, final once done is closed
	value   V
	err     error
}

// work does what a flight is for, within the standing and life of its claim.
type work[V any] func(*claim) (V, error)

// do returns the result of the work under way for key, starting run if there
// is none. It returns early with the cause of ctx's end; a result that is
// there already is returned even then, because its share is counted.
func (f *flights[K, V]) do(ctx context.Context, key K, run work[V]) (V, error) {
	for {
		current := f.join(key, true, run)
		alive := f.lanes.raise(current.claim)
		select {
		case <-current.done:
			if !alive && errors.Is(current.err, context.Canceled) && f.life.Err() == nil {
				continue // it ran ahead for nobody and was given up a moment ago
			}
			return current.value, current.err
		case <-ctx.Done():
			if f.leave(current) {
				return current.value, current.err
			}
			var none V
			return none, context.Cause(ctx)
		}
	}
}

// ahead starts the work for a key that nobody waits for, unless it is under
// way or no request goes out at present. It returns the claim, by which it can
// be given up, or nil.
func (f *flights[K, V]) ahead(key K, run work[V]) *claim {
	if f.lanes.held != nil && f.lanes.held() {
		return nil
	}
	f.mu.Lock()
	_, under := f.now[key]
	f.mu.Unlock()
	if under {
		return nil
	}
	return f.join(key, false, run).claim
}

// join returns the flight of a key, which it starts if need be.
func (f *flights[K, V]) join(key K, waits bool, run work[V]) *flight[V] {
	f.mu.Lock()
	defer f.mu.Unlock()
	current, ok := f.now[key]
	if !ok {
		current = &flight[V]{claim: f.lanes.newClaim(f.life, waits), done: make(chan struct{})}
		if f.now == nil {
			f.now = make(map[K]*flight[V])
		}
		f.now[key] = current
		f.spawn(func() { f.fly(key, current, run) })
	}
	if waits {
		current.waiters++
	}
	return current
}

// leave takes back a caller's interest. It reports true if the flight has
// ended: then the caller has its share of the result.
func (f *flights[K, V]) leave(current *flight[V]) (ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-current.done:
		return true
	default:
		current.waiters--
		return false
	}
}

func (f *flights[K, V]) fly(key K, current *flight[V], run work[V]) {
	current.err = errPanicked
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.now, key)
		if current.err == nil && f.share != nil {
			f.share(current.value, current.waiters)
		}
		close(current.done)
		f.lanes.end(current.claim)
	}()
	current.value, current.err = run(current.claim)
}

// count returns how many keys are being worked on.
func (f *flights[K, V]) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.now)
}
