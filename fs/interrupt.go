package fs

import (
	"context"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// dyingPoll is how often an interrupted caller is looked at again: the kernel
// reports only the first signal, and a deadly one may come later.
const dyingPoll = 100 * time.Millisecond

// errKilled ends the wait of a caller that was killed. It is not
// context.Canceled because other cancellations are not the caller's doing.
var errKilled error = killed{}

type killed struct{}

func (killed) Error() string        { return "the caller was killed" }
func (killed) Is(target error) bool { return target == context.Canceled } // as is expected of a Context's error

// untilKilled returns a context for a call that waits. It ends with errKilled
// when the caller gets a signal to end, even one that it handles: a person who
// presses Ctrl-C means it. It ends for no other signal: Go programs get SIGURG
// all the time, and an EINTR from open or stat reaches a program even with
// SA_RESTART. The function returned ends the watch and must be called.
//
// ctx belongs to a request that go-fuse uses again, so nothing started here
// holds it once the watch has ended.
func untilKilled(ctx context.Context) (context.Context, func()) {
	caller, ok := fuse.FromContext(ctx)
	if !ok {
		return ctx, func() {}
	}
	w := &killWatch{
		Context:     context.WithoutCancel(ctx),
		interrupted: ctx.Done(),
		thread:      caller.Pid,
	}
	return w, w.stop
}

// killWatch is a context that makes its channels, and the goroutine behind
// them, only when somebody waits: most calls answer at once.
type killWatch struct {
	context.Context
	interrupted <-chan struct{}
	thread      uint32

	once         sync.Once
	over, killed chan struct{} // nil if nobody has waited
	wait         sync.WaitGroup
}

func (w *killWatch) Done() <-chan struct{} {
	w.once.Do(func() {
		w.over = make(chan struct{})
		w.killed = make(chan struct{})
		w.wait.Go(w.watch)
	})
	return w.killed
}

func (w *killWatch) Err() error {
	select {
	case <-w.Done():
		return errKilled
	default:
		return nil
	}
}

func (w *killWatch) watch() {
	select {
	case <-w.over:
		return
	case <-w.interrupted:
	}
	poll := time.NewTicker(dyingPoll)
	defer poll.Stop()
	for !dying(w.thread) {
		select {
		case <-w.over:
			return
		case <-poll.C:
		}
	}
	close(w.killed)
}

func (w *killWatch) stop() {
	w.once.Do(func() {}) // nobody begins to wait any more
	if w.over != nil {
		close(w.over)
		w.wait.Wait()
	}
}
