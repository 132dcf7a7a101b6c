package command

import (
	"context"
	"io"
)

// interruptible returns what f returns, or the cause of ctx's end if that comes
// first. It is for calls that no context and no signal ends, such as reading from a
// terminal or a file system that hangs. f is abandoned then.
func interruptible[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// interruptibleReader is standard input whose reads end with ctx.
type interruptibleReader struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptibleReader) Read(p []byte) (int, error) {
	read, err := interruptible(i.ctx, func() ([]byte, error) {
		b := make([]byte, len(p)) // an abandoned read must not write to p
		n, err := i.r.Read(b)
		return b[:n], err
	})
	return copy(p, read), err
}
