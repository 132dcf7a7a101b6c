package veriff

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// copyBuffer is how much of a body is read at once, in bytes: four TLS records.
// Larger ones were measured to be no faster.
const copyBuffer = 64 << 10

// copyBuffers are left by downloads that ended, for the next ones.
var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// Download streams a media file. At the start of every try it calls sink with
// the length that the server states, in bytes, or -1, and writes the body to
// what sink returns; a body that is cut or stalls is tried again from its
// start. Trust nothing that was written before Download has returned a receipt:
// only then are length and signature found right. An error of sink or of its
// writer ends the call and is returned within ErrSink.
func (c *Client) Download(ctx context.Context, id MediaID, sink func(length int64) (io.Writer, error)) (Receipt, error) {
	var receipt Receipt
	err := c.do(ctx, media, id.String(), func(resp *http.Response) error {
		w, err := sink(resp.ContentLength)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSink, err)
		}
		receipt, err = c.stream(resp, w)
		return err
	})
	if err != nil {
		return Receipt{}, err
	}
	return receipt, nil
}

// stream copies a body to w and decides about it at its end.
func (c *Client) stream(resp *http.Response, w io.Writer) (Receipt, error) {
	d := c.credentials.digest()
	var head []byte // the body so far, while it is short enough to be an error
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := resp.Body.Read(buf[:])
		if n > 0 {
			d.Write(buf[:n])
			if max(d.length, resp.ContentLength) <= maxErrorBody {
				head = append(head, buf[:n]...)
			} else {
				head = nil
			}
			switch m, err := w.Write(buf[:n]); {
			case err != nil:
				return Receipt{}, fmt.Errorf("%w: %w", ErrSink, err)
			case m != n:
				return Receipt{}, fmt.Errorf("%w: %w", ErrSink, io.ErrShortWrite)
			}
		}
		if err == io.EOF {
			return c.credentials.checkBody(resp, d, head)
		}
		if err != nil {
			return Receipt{}, cut(err, d.length, resp.ContentLength)
		}
	}
}
