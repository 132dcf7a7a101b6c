package team

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/cache"
)

// step is how many bytes have to arrive within the patience so that an object counts
// as coming: more than 640 KB/s by default.
const step = 64 << 10

// transfer is an object on its way from the bucket. It is late when it keeps somebody
// waiting, and ends when it stands still for long.
type transfer struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	begun   time.Time
	again   bool        // the object was looked for before; who does that counts it
	doubted bool        // the bucket failed just before, so it shall be quick
	soft    *stopwatch  // says when it is late
	hard    *time.Timer // cancels
	end     time.Time   // when hard fires
	pace    func(ctx context.Context, bytes int) error

	missing atomic.Bool // the bucket has said that it has not got it
	judged  atomic.Bool // the breaker knows how it went

	done  chan struct{} // closed once the following are set
	o     *cache.Object
	err   error
	lease string // of the object, which is not there; "": none

	mu         sync.Mutex
	abandoned  bool // nobody wants it any more, so it must not get into the cache
	publishing bool // it is about to get there
}

var errAbandoned = errors.New("nobody waits for it any more")

// publish is the last thing before an object gets into the cache. Who gives a transfer up
// before that can be sure that it does not.
func (t *transfer) publish() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.abandoned {
		return errAbandoned
	}
	t.publishing = true
	return nil
}

// abandon ends a transfer. Whether or not it ends soon, nothing of it gets into the
// cache after this. yield gets its lease, if it has one.
func (t *transfer) abandon(yield func(lease string)) {
	t.cancel(context.Canceled)
	t.mu.Lock()
	t.abandoned = true
	publishing := t.publishing
	t.mu.Unlock()
	if publishing {
		<-t.done // only our own disk is in its way
	}
	go func() { // it ends with the transfer
		<-t.done
		if t.err == nil {
			t.o.Close()
		}
		yield(t.lease)
	}()
}

// newTransfer begins to watch over a transfer.
func newTransfer(ctx context.Context, soft *stopwatch) *transfer {
	t := &transfer{begun: time.Now(), soft: soft, done: make(chan struct{})}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	t.hard = time.AfterFunc(giveUp, func() { t.cancel(errLate) })
	t.allow(giveUp)
	return t
}

// allow gives the transfer so long to get on.
func (t *transfer) allow(long time.Duration) {
	t.end = time.Now().Add(long)
	t.hard.Reset(long)
}

// stop ends the timers.
func (t *transfer) stop() {
	t.soft.stop()
	t.hard.Stop()
}

// await waits for the end, and reports whether the object is there. It gives the
// transfer up when its context ends, and when it stands still. yield gets its lease if
// the object is not there.
func (t *transfer) await(yield func(lease string)) bool {
	select {
	case <-t.done:
	case <-t.ctx.Done():
	}
	if !t.ended() { // a file system that hangs may not end
		t.abandon(yield)
		return false
	}
	if t.err != nil {
		yield(t.lease)
	}
	return t.err == nil
}

// ended reports whether a transfer has ended.
func (t *transfer) ended() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// taken reports whether a transfer has ended because another member fetches the object.
func (t *transfer) taken() bool { return t != nil && t.ended() && errors.Is(t.err, errTaken) }

// left reports whether the transfer ended because nobody wants it any more.
func (t *transfer) left() bool {
	cause := context.Cause(t.ctx)
	return cause != nil && cause != errLate
}

// reader reads a body of size bytes, and tells the timers what arrives.
func (t *transfer) reader(body io.Reader, size int64) io.Reader {
	t.soft.stop()
	t.soft.renew()
	t.allow(giveUp)
	return &watched{t: t, body: body, left: size}
}

// watched is the body of a transfer. Only the time that the bucket takes counts: not what
// our own disk does between two reads.
type watched struct {
	t    *transfer
	body io.Reader
	left int64 // bytes of the body
	got  int   // bytes of this step
}

func (w *watched) Read(p []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	w.t.soft.ask()
	n, err := w.body.Read(p)
	w.t.soft.stop()
	w.left -= int64(n)
	w.got += n
	if w.got >= step {
		w.got = 0
		w.t.soft.renew()
		w.t.allow(giveUp)
	}
	if w.t.pace != nil && n > 0 {
		w.t.hard.Stop()
		left := time.Until(w.t.end)
		if ended := w.t.pace(w.t.ctx, n); err == nil {
			err = ended
		}
		w.t.allow(left)
	}
	return n, err
}
