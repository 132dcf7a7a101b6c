package veriff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

var (
	errStalled = errors.New("stalled")
	// errCut marks a body that ended too early, or not in time: another try
	// may fare better.
	errCut = errors.New("cut short")
)

func cut(err error, got, want int64) error {
	if want >= 0 {
		return fmt.Errorf("%w: %w after %d of %d bytes: %s", ErrBody, errCut, got, want, brokenBy(err))
	}
	return fmt.Errorf("%w: %w after %d bytes: %s", ErrBody, errCut, got, brokenBy(err))
}

// brokenBy says why a body ended. It never quotes net/http: the malformed
// trailer or chunk in its error may be a piece of the body.
func brokenBy(err error) string {
	var (
		errno   syscall.Errno
		timeout interface{ Timeout() bool }
	)
	for _, known := range []error{errStalled, errPatience, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "time-out"
	default:
		return "its transfer is malformed"
	}
}

// watchedBody ends a read that takes too long. The clocks run only during a
// read: the time that the reader spends on what it got, or has to let pass before
// more, is not the server's fault.
type watchedBody struct {
	io.ReadCloser
	call   *call
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  *time.Timer
	wanted bool // the body is what was asked for, so its bytes renew patience
}

func newWatchedBody(s *sending, wanted bool) *watchedBody {
	b := &watchedBody{
		ReadCloser: s.resp.Body, call: s.call, ctx: s.req.Context(), cancel: s.cancel, wanted: wanted,
		stall: time.AfterFunc(time.Hour, func() { s.cancel(errStalled) }),
	}
	b.stall.Stop()
	return b
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.call.patience.run()
	b.stall.Reset(b.call.client.stall)
	n, err := b.ReadCloser.Read(p)
	b.stall.Stop()
	b.call.patience.stop()
	b.call.client.stats.bytes.Add(int64(n))
	if b.wanted && n > 0 {
		b.call.patience.renew()
	}
	if pace := b.call.client.pace; pace != nil && b.wanted && n > 0 && b.call.resource == media {
		if ended := pace(b.ctx, n); err == nil {
			err = ended
		}
	}
	if err != nil && err != io.EOF {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.stall.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
