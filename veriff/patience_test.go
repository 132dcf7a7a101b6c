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

type slowWriter struct{}

func (slowWriter) Write(p []byte) (int, error) { time.Sleep(time.Minute); return len(p), nil }

// Patience ends a body that stalls for longer, when stalling is allowed to.
func TestPatienceEndsStall(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		w.Header().Set("X-HMAC-SIGNATURE", mac("x", secret))
		replyUnsigned(w, 200, "x")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		begun := time.Now()
		_, _, err := download(t.Context(), c)
		wantError(t, err, veriff.ErrBody)
		if took := time.Since(begun); requests.Load() != 1 || took != 18*time.Second {
			t.Errorf("%d requests in %s", requests.Load(), took)
		}
	}, func(c *veriff.Config) { c.Stall = time.Hour })
}

// A pause that would outlast the call is not begun.
func TestPauseNotBegun(t *testing.T) {
	const short = 50 * time.Millisecond // the first pause takes 75 at least
	fails := func(w http.ResponseWriter, r *http.Request, n int) { replyUnsigned(w, 503, "") }
	for name, test := range map[string]struct{ patience, deadline time.Duration }{"patience": {short, time.Hour}, "deadline": {time.Hour, short}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, fails, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				begun := time.Now()
				_, err := c.SessionMedia(ctx, sessionID)
				wantError(t, err, veriff.ErrServer)
				if took := time.Since(begun); took != 0 || requests.Load() != 1 {
					t.Errorf("%d requests in %s", requests.Load(), took)
				}
			}, func(c *veriff.Config) { c.Patience = test.patience })
		})
	}
}

// Patience bounds the whole call, also behind redirects, whose bodies net/http
// reads.
func TestPatienceOutlivesRedirect(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n <= 2 {
			time.Sleep(4 * time.Second)
			w.Header().Set("Location", "/elsewhere")
			replyUnsigned(w, http.StatusFound, "over there")
			return
		}
		<-r.Context().Done()
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		begun := time.Now()
		_, err := c.SessionMedia(t.Context(), sessionID)
		if took := time.Since(begun); !errors.Is(err, veriff.ErrNoAnswer) || requests.Load() != 3 || took != 18*time.Second {
			t.Errorf("%d requests in %s: %v", requests.Load(), took, err)
		}
	}, func(c *veriff.Config) { c.FirstByte = 17 * time.Second })
}
