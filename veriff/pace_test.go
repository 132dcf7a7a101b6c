package veriff_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/veriff"
)

// A file that is held back here is not one that the server is slow with: it is asked for
// once, however long it takes. A listing is not held back.
func TestPaceIsNotStalled(t *testing.T) {
	body := picture(1_000_000)
	var paced atomic.Int64
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) { reply(w, 200, body) },
		func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
			got, _, err := download(t.Context(), c)
			if err != nil || got != body || requests.Load() != 1 || paced.Load() != int64(len(body)) {
				t.Errorf("%d bytes, %v after %d requests; %d bytes were paced", len(got), err, requests.Load(), paced.Load())
			}
			_, _ = c.SessionMedia(t.Context(), sessionID) // which is none
			if requests.Load() != 2 || paced.Load() != int64(len(body)) {
				t.Errorf("%d bytes were paced after %d requests", paced.Load(), requests.Load())
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, _, err := download(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("held back beyond its end: %v", err)
			}
		}, func(c *veriff.Config) {
			c.Pace = func(ctx context.Context, n int) error {
				paced.Add(int64(n))
				select {
				case <-time.After(time.Minute): // longer than any patience
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		})
}
