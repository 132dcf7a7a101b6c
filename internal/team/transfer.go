package team

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"veriffs/cache"
)

// step is how many bytes have to arrive within the patience so that an object counts
// as coming: more than 640 KB/s by default.
const step = 64 << 10

// transfer is an object on its way from the bucket. It is late when it keeps its caller
// waiting, and ends when it stands still for long.
type transfer struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	patience time.Duration
	longest  time.Duration
	soft     *time.Timer // closes late
	hard     *time.Timer // cancels

	late     chan struct{}
	markLate func()

	done chan struct{} // closed once o and err are set
	o    *cache.Object
	err  error

	mu        sync.Mutex
	abandoned bool // nobody wants it any more, so it must not get into the cache
	taken     bool // it is about to get there
}

var errAbandoned = errors.New("nobody waits for it any more")

// take is the last thing before an object gets into the cache. Who gives a transfer up
// before that can be sure that it does not.
func (t *transfer) take() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.abandoned {
		return errAbandoned
	}
	t.taken = true
	return nil
}

// abandon ends a transfer. Whether or not it ends soon, nothing of it gets into the
// cache after this.
func (t *transfer) abandon() {
	t.cancel(context.Canceled)
	t.mu.Lock()
	t.abandoned = true
	taken := t.taken
	t.mu.Unlock()
	if taken {
		<-t.done // only our own disk is in its way
	}
	go func() { // it ends with the transfer
		<-t.done
		if t.err == nil {
			t.o.Close()
		}
	}()
}

func newTransfer(ctx context.Context, patience, longest time.Duration) *transfer {
	t := &transfer{patience: patience, longest: longest, late: make(chan struct{}), done: make(chan struct{})}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	t.markLate = sync.OnceFunc(func() { close(t.late) })
	t.soft = time.AfterFunc(patience, t.markLate)
	t.hard = time.AfterFunc(longest, func() { t.cancel(errLate) })
	return t
}

// stop ends the timers, and reports whether the transfer was late.
func (t *transfer) stop() (late bool) {
	t.soft.Stop()
	t.hard.Stop()
	select {
	case <-t.late:
		return true
	default:
		return false
	}
}

// await waits for the end, and reports whether the object is there. It gives the
// transfer up when its context ends, and when it stands still.
func (t *transfer) await() bool {
	select {
	case <-t.done:
		return t.err == nil
	case <-t.ctx.Done():
	}
	select {
	case <-t.done:
		return t.err == nil
	default: // a file system that hangs may not end
		t.abandon()
		return false
	}
}

// left reports whether the transfer ended because nobody wants it any more.
func (t *transfer) left() bool {
	cause := context.Cause(t.ctx)
	return cause != nil && cause != errLate
}

// reader reads a body of size bytes, and tells the timers what arrives.
func (t *transfer) reader(body io.Reader, size int64) io.Reader {
	t.moved()
	return &watched{t: t, body: body, left: size}
}

// moved gives the bucket the same time again.
func (t *transfer) moved() {
	t.soft.Reset(t.patience)
	t.hard.Reset(t.longest)
}

// watched is the body of a transfer.
type watched struct {
	t    *transfer
	body io.Reader
	left int64 // bytes of the body
	got  int   // bytes since the timers were set
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	w.left -= int64(n)
	w.got += n
	switch {
	case w.left == 0: // what follows is our own
		w.t.soft.Stop()
	case w.got >= step:
		w.got = 0
		w.t.moved()
	}
	return n, err
}
