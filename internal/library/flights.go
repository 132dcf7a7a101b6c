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
	spawn func(func())     // runs the work in a goroutine that somebody owns
	share func(v V, n int) // told of each result and how many callers now own it

	mu  sync.Mutex
	now map[K]*flight[V]
}

type flight[V any] struct {
	done    chan struct{} // closed once value and err are set
	waiters int           // guarded by flights.mu, final once done is closed
	value   V
	err     error
}

// do returns the result of the work under way for key, starting run if there
// is none. It returns early with the cause of ctx's end; a result that is
// there already is returned even then, because its share is counted.
func (f *flights[K, V]) do(ctx context.Context, key K, run func() (V, error)) (V, error) {
	f.mu.Lock()
	current, ok := f.now[key]
	if !ok {
		current = &flight[V]{done: make(chan struct{})}
		if f.now == nil {
			f.now = make(map[K]*flight[V])
		}
		f.now[key] = current
	}
	current.waiters++
	f.mu.Unlock()
	if !ok {
		f.spawn(func() { f.fly(key, current, run) })
	}

	select {
	case <-current.done:
		return current.value, current.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-current.done:
		return current.value, current.err
	default:
		current.waiters--
		var none V
		return none, context.Cause(ctx)
	}
}

func (f *flights[K, V]) fly(key K, current *flight[V], run func() (V, error)) {
	current.err = errPanicked
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.now, key)
		if current.err == nil && f.share != nil {
			f.share(current.value, current.waiters)
		}
		close(current.done)
	}()
	current.value, current.err = run()
}

// under reports how many keys are being worked on.
func (f *flights[K, V]) under() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.now)
}
