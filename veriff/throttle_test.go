package veriff_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/veriff"
)

// limitedFirst answers so many requests with 429 and the others well.
func limitedFirst(count int, after string) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, n int) {
		if n > count {
			reply(w, 200, emptyList)
			return
		}
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		replyUnsigned(w, 429, "slow down")
	}
}

// How long an answer 429 holds requests back.
func TestHeldBack(t *testing.T) {
	date := time.Date(2000, 1, 1, 0, 0, 6, 0, time.UTC).Format(http.TimeFormat) // a bubble begins at 2000-01-01
	for after, want := range map[string]time.Duration{
		"60": time.Minute, date: 6 * time.Second, "0": time.Second, "": time.Second, "soon": time.Second,
		"86400": 10 * time.Minute,
	} {
		t.Run(after, func(t *testing.T) {
			inBubble(t, limitedFirst(1, after), func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
				if until := c.HeldUntil(); !until.IsZero() {
					t.Errorf("held until %s before anything was asked", until)
				}
				_, err := c.SessionMedia(t.Context(), sessionID)
				wantError(t, err, veriff.ErrRateLimited)
				if got := time.Until(c.HeldUntil()); got != want || c.Stats().HeldUntil != c.HeldUntil() {
					t.Fatalf("held back for %s, want %s", got, want)
				}
				time.Sleep(want - 1)
				_, err = c.SessionMedia(t.Context(), sessionID)
				wantError(t, err, veriff.ErrRateLimited)
				if requests.Load() != 1 {
					t.Fatalf("%d requests while they are held back", requests.Load())
				}
				time.Sleep(time.Nanosecond)
				_, err = c.SessionMedia(t.Context(), sessionID)
				wantError(t, err, nil)
				if !c.HeldUntil().IsZero() {
					t.Errorf("held until %s afterwards", c.HeldUntil())
				}
			})
		})
	}
}

// Callers that hammer cost no request while requests are held back, hold
// nothing, and are told at once.
func TestHeldBackForAll(t *testing.T) {
	inBubble(t, limitedFirst(1, "60"), func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		list := func() error { _, err := c.SessionMedia(t.Context(), sessionID); return err }
		wantError(t, list(), veriff.ErrRateLimited)
		begun := time.Now()
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				for range 20 {
					wantError(t, list(), veriff.ErrRateLimited)
					_, _, err := download(t.Context(), c)
					wantError(t, err, veriff.ErrRateLimited)
				}
			})
		}
		callers.Wait()
		if requests.Load() != 1 || time.Since(begun) != 0 || c.Stats().Active != 0 {
			t.Errorf("%d requests in %s, %d under way", requests.Load(), time.Since(begun), c.Stats().Active)
		}
	})
}

// Without a pause that the API names it doubles, once for each time that
// requests were held back, and any other answer ends that.
func TestHeldBackDoubles(t *testing.T) {
	const together = 5
	var well atomic.Bool
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if well.Load() {
			reply(w, 404, notFoundBody)
			return
		}
		time.Sleep(time.Millisecond) // all are under way before the first is answered
		replyUnsigned(w, 429, "")
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		round := func() time.Duration {
			var callers sync.WaitGroup
			for range together {
				callers.Go(func() { c.SessionMedia(t.Context(), sessionID) })
			}
			callers.Wait()
			pause := time.Until(c.HeldUntil())
			time.Sleep(max(0, pause))
			return pause
		}
		for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 64} {
			if got := round(); got.Round(time.Second) != want*time.Second || requests.Load() != int64(together*(n+1)) {
				t.Errorf("round %d: %s after %d requests, want %d s", n, got, requests.Load(), want)
			}
		}
		well.Store(true)
		round()
		well.Store(false)
		if got := round(); got.Round(time.Second) != time.Second {
			t.Errorf("after an answer: %s", got)
		}
	})
}

// A try after a failure that passes goes out no more than any other.
func TestHeldBackBetweenTries(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			replyUnsigned(w, 503, "")
			return
		}
		replyUnsigned(w, 429, "")
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		done := make(chan error)
		go func() { _, err := c.SessionMedia(t.Context(), sessionID); done <- err }()
		time.Sleep(50 * time.Millisecond) // the first pause takes 75 at least
		_, err := c.SessionAttempts(t.Context(), sessionID)
		wantError(t, err, veriff.ErrRateLimited)
		wantError(t, <-done, veriff.ErrRateLimited)
		if requests.Load() != 2 {
			t.Errorf("%d requests", requests.Load())
		}
	})
}

// A request that is late is not sent again while requests are held back.
func TestHeldBackIsNotHedged(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		switch {
		case n <= known:
			time.Sleep(usual)
		case n == known+1:
			time.Sleep(2 * time.Second)
		default:
			replyUnsigned(w, 429, "")
			return
		}
		reply(w, 200, emptyList)
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		list(t, c, known)
		done := make(chan error)
		go func() { _, err := c.SessionMedia(t.Context(), sessionID); done <- err }()
		time.Sleep(time.Millisecond)
		_, err := c.SessionAttempts(t.Context(), sessionID)
		wantError(t, err, veriff.ErrRateLimited)
		// The 429 has spent what second requests cost; what was asked for
		// before it is answered all the same.
		if err := <-done; err != nil || requests.Load() != known+2 {
			t.Errorf("%v after %d requests", err, requests.Load())
		}
	})
}

var errGaveUp = errors.New("it waits too long")

// A redirect is followed no more than any other request goes out.
func TestHeldBackRedirect(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if strings.HasSuffix(r.URL.Path, "/attempts") {
			replyUnsigned(w, 429, "")
			return
		}
		time.Sleep(time.Second)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		done := make(chan error)
		go func() { _, _, err := download(t.Context(), c); done <- err }()
		time.Sleep(time.Millisecond)
		_, err := c.SessionAttempts(t.Context(), sessionID)
		wantError(t, err, veriff.ErrRateLimited)
		wantError(t, <-done, veriff.ErrRateLimited)
		if requests.Load() != 2 {
			t.Errorf("%d requests", requests.Load())
		}
	})
}
