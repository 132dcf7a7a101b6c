package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/veriff"
)

// TestLimitsAreSaid: packaging/README.md names the limits that the receiver has.
func TestLimitsAreSaid(t *testing.T) {
	page, err := os.ReadFile("../../packaging/README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, want := range []string{
		fmt.Sprintf("accepts %d connections, allows %d s for a header and %d s for a request, and refuses bodies above %d MiB", maxConnections, headerTimeout/time.Second, requestTimeout/time.Second, maxBody>>20),
		fmt.Sprintf("limit of %d a second, with bursts of %d.", perSecond, burst),
		fmt.Sprintf("After %d refusals at once, one a second is logged.", refusalBurst),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say: %s", want)
		}
	}
}

// TestRefusalsDoNotFillTheLog, however many there are.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		r := newReceiver(t, func(context.Context, []veriff.SessionID) (int, error) { return 1, nil })
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		logged := func() int { return strings.Count(log.String(), "webhook refused") }
		refuse := func() {
			for range 5 * refusalBurst {
				w, req := httptest.NewRecorder(), request(1)
				req.Header.Del("X-HMAC-SIGNATURE")
				if r.ServeHTTP(w, req); w.Code != http.StatusUnauthorized {
					t.Error(w.Code)
				}
			}
		}
		if refuse(); logged() != refusalBurst {
			t.Errorf("%d of %d refusals were logged", logged(), 5*refusalBurst)
		}
		time.Sleep(time.Second)
		if refuse(); logged() != refusalBurst+1 {
			t.Errorf("%d were logged, a second later", logged())
		}
	})
}

// TestLargestBody: a body of the limit is read, and none that is a byte longer.
func TestLargestBody(t *testing.T) {
	f := serve(t, ServerConfig{})
	for more, want := range map[int]int{0: http.StatusOK, 1: http.StatusRequestEntityTooLarge} {
		body := event(1)
		body += strings.Repeat(" ", maxBody+more-len(body))
		if status, text := f.signed(t, body); status != want {
			t.Errorf("%d bytes: %d %s", len(body), status, text)
		}
	}
}
