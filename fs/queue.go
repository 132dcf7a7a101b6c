package fs

import (
	"fmt"
	"log/slog"
	"sync"
)

// queue runs invalidations one after the other in a goroutine of its own. They
// can block on the kernel's operations in a directory, so neither a handler nor
// whoever holds a lock may run them.
type queue struct {
	log     *slog.Logger
	mu      sync.Mutex
	pending []func()
	stopped bool
	wake    chan struct{} // holds a token while something is pending
	done    chan struct{}
}

func (q *queue) start(log *slog.Logger) {
	q.log, q.wake, q.done = log, make(chan struct{}, 1), make(chan struct{})
	go q.run()
}

func (q *queue) run() {
	defer close(q.done)
	for range q.wake {
		for work := q.take(); len(work) > 0; work = q.take() {
			for _, f := range work {
				contain(q.log, f)
			}
		}
	}
}

func (q *queue) take() []func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	work := q.pending
	q.pending = nil
	return work
}

// add queues f. After stop it drops f and reports false.
func (q *queue) add(f func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return false
	}
	q.pending = append(q.pending, f)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

// stop waits until everything that is pending has run.
func (q *queue) stop() {
	q.mu.Lock()
	if !q.stopped {
		q.stopped = true
		close(q.wake)
	}
	q.mu.Unlock()
	<-q.done
}

// contain runs f in a background goroutine, where a panic would end the mount:
// it logs the panic instead. go-fuse does the same for handlers.
func contain(log *slog.Logger, f func()) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("recovered from a panic", "panic", fmt.Sprint(p))
		}
	}()
	f()
}
