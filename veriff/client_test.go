package veriff_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"veriffs/veriff"

	"github.com/google/go-cmp/cmp"
)

// calls are every call that a client has, each on the same id.
var calls = []struct {
	name, path string
	do         func(context.Context, *veriff.Client) error
}{
	{"session media", "/v1/sessions/" + idText + "/media", func(ctx context.Context, c *veriff.Client) error {
		_, err := c.SessionMedia(ctx, sessionID)
		return err
	}},
	{"session attempts", "/v1/sessions/" + idText + "/attempts", func(ctx context.Context, c *veriff.Client) error {
		_, err := c.SessionAttempts(ctx, sessionID)
		return err
	}},
	{"attempt media", "/v1/attempts/" + idText + "/media", func(ctx context.Context, c *veriff.Client) error {
		_, err := c.AttemptMedia(ctx, attemptID)
		return err
	}},
	{"decision", "/v1/sessions/" + idText + "/decision", func(ctx context.Context, c *veriff.Client) error {
		_, err := c.Decision(ctx, sessionID)
		return err
	}},
	{"person", "/v1/sessions/" + idText + "/person", func(ctx context.Context, c *veriff.Client) error {
		_, err := c.Person(ctx, sessionID)
		return err
	}},
	{"watchlist screening", "/v1/sessions/" + idText + "/watchlist-screening", func(ctx context.Context, c *veriff.Client) error {
		_, err := c.WatchlistScreening(ctx, sessionID)
		return err
	}},
	{"media", "/v1/media/" + idText, func(ctx context.Context, c *veriff.Client) error {
		_, _, err := download(ctx, c)
		return err
	}},
}

func TestRequests(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 200, `{"images":[],"verifications":[]}`) })
	c := server.client(t, func(c *veriff.Config) { c.UserAgent = "veriffs/1.2" })
	for i, call := range calls {
		if err := call.do(context.Background(), c); err != nil {
			t.Fatalf("%s: %v", call.name, err)
		}
		r := server.requests[i]
		got := []string{r.Method, r.URL.String(), r.Header.Get("X-AUTH-CLIENT"), r.Header.Get("X-HMAC-SIGNATURE"), r.Header.Get("Accept-Encoding"), r.UserAgent()}
		// The signature is the test vector of Veriff's documentation.
		want := []string{"GET", call.path, key, "895cb3fd31139d89aeb7b263682e15479ab57651e70591256ad2c14fde4950dd", "identity", "veriffs/1.2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", call.name, diff)
		}
	}
}

func TestDocument(t *testing.T) {
	body := "{\"status\":\"success\",\n \"verification\": null, \"x\":\"\\u00e9\"}\n"
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		reply(w, 200, body)
	})
	before := time.Now()
	doc, err := server.client(t).Decision(context.Background(), sessionID)
	if err != nil {
		t.Fatal(err)
	}
	if string(doc.Body) != body {
		t.Errorf("body %q is not verbatim", doc.Body)
	}
	if doc.Received.Before(before) || doc.Received.After(time.Now()) {
		t.Errorf("received at %s", doc.Received)
	}
	doc.Received = time.Time{}
	want := veriff.Receipt{
		Length: int64(len(body)), SHA256: sha256.Sum256([]byte(body)), Signature: mac(body, secret), Client: key,
		Secret: 0, SecretID: veriff.SecretID(secret), ContentType: "application/json; charset=utf-8",
	}
	if diff := cmp.Diff(want, doc.Receipt); diff != "" {
		t.Errorf("receipt (-want +got):\n%s", diff)
	}
}

// Documents up to the bound, with and without a Content-Length. That it is 32
// MiB shows TestLongDocumentIsNotRead.
func TestDocumentLength(t *testing.T) {
	const bound = 200_000
	for _, test := range []struct {
		name    string
		length  int
		chunked bool
		want    error
	}{
		{"chunked", 100_000, true, nil},
		{"at the bound", bound, false, nil},
		{"over the bound, chunked", bound + 1, true, veriff.ErrBody},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := `"` + strings.Repeat("x", test.length-2) + `"`
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if !test.chunked {
					w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				}
				reply(w, 200, body)
			})
			c := server.client(t)
			c.LimitDocuments(bound)
			doc, err := c.Decision(context.Background(), sessionID)
			wantError(t, err, test.want)
			if err == nil && string(doc.Body) != body {
				t.Error("body differs")
			}
			if server.asked() != 1 {
				t.Errorf("%d requests", server.asked())
			}
		})
	}
}

// A document that is said to be too long is not even begun.
func TestLongDocumentIsNotRead(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(veriff.MaxDocument+1))
		reply(w, 200, "{")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	_, err := server.client(t).Decision(context.Background(), sessionID)
	wantError(t, err, veriff.ErrBody)
	if veriff.MaxDocument != 32<<20 {
		t.Errorf("the bound is %d bytes", veriff.MaxDocument)
	}
	if server.asked() != 1 {
		t.Errorf("%d requests", server.asked())
	}
}

// Calls that fail must not cost the others their connections.
func TestConnectionIsKept(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 404, notFoundBody) })
	c := server.client(t)
	for range 10 {
		_, err := c.SessionMedia(context.Background(), sessionID)
		wantError(t, err, veriff.ErrNotFound)
	}
	if server.conns != 1 {
		t.Errorf("10 requests took %d connections", server.conns)
	}
}

func TestConnectionsBound(t *testing.T) {
	const bound, callers = 4, 64
	for name, how := range protocols {
		t.Run(name, func(t *testing.T) {
			var (
				mu       sync.Mutex
				now, top int
				full     = make(chan struct{})
			)
			server := start(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				if now++; now > top {
					if top = now; top == bound {
						close(full)
					}
				}
				mu.Unlock()
				<-full // so that the bound is reached for certain
				mu.Lock()
				now--
				mu.Unlock()
				reply(w, 200, emptyList)
			}, how)
			c := server.client(t, func(c *veriff.Config) { c.Connections = bound }, trust(server))
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					if _, err := c.SessionMedia(context.Background(), sessionID); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if top != bound || server.conns > bound {
				t.Errorf("%d requests at once over %d connections, want %d", top, server.conns, bound)
			}
		})
	}
}

// A caller that waits for a connection gives up when its context does.
func TestWaitingCallerIsCancelled(t *testing.T) {
	arrived := make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() })
	c := server.client(t, func(c *veriff.Config) { c.Connections = 1 })
	first, cancelFirst := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { _, err := c.SessionMedia(first, sessionID); done <- err }()
	<-arrived
	second, cancelSecond := context.WithCancel(context.Background())
	cancelSecond()
	_, err := c.SessionMedia(second, sessionID)
	wantError(t, err, context.Canceled)
	cancelFirst()
	wantError(t, <-done, context.Canceled)
	if server.asked() != 1 {
		t.Errorf("%d requests", server.asked())
	}
	if got := c.Stats().Active; got != 0 {
		t.Errorf("%d calls active after all ended", got)
	}
}

func TestStatsAndLog(t *testing.T) {
	var log bytes.Buffer
	n := 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch n++; n {
		case 1:
			replyUnsigned(w, 503, "upstream "+mac(idText, secret)+" "+secret)
		case 2:
			reply(w, 200, emptyList)
		case 3:
			reply(w, 404, notFoundBody)
		}
	})
	c := server.client(t, func(c *veriff.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	if _, err := c.SessionMedia(context.Background(), sessionID); err != nil {
		t.Fatal(err)
	}
	_, _, err := download(context.Background(), c)
	wantError(t, err, veriff.ErrNotFound)

	got := c.Stats()
	want := map[veriff.Request]int64{
		{Kind: "session media", Outcome: "server error"}: 1,
		{Kind: "session media", Outcome: "ok"}:           1,
		{Kind: "media", Outcome: "not found"}:            1,
	}
	if diff := cmp.Diff(want, got.Requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if least := int64(len(emptyList) + len(notFoundBody)); got.Bytes < least || got.Active != 0 {
		t.Errorf("stats = %+v", got)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("log:\n%s", log.String())
	}
	for i, words := range []string{
		`kind="session media" id=` + idText + ` try=1 status=503 outcome="server error"`,
		`kind="session media" id=` + idText + ` try=2 status=200 outcome=ok`,
		`kind=media id=` + idText + ` try=1 status=404 outcome="not found"`,
	} {
		if !strings.Contains(lines[i], words) || !strings.Contains(lines[i], "level=DEBUG") {
			t.Errorf("line %d: %s", i, lines[i])
		}
	}
	for _, credential := range []string{secret, key, mac(idText, secret), mac(notFoundBody, secret)} {
		if strings.Contains(log.String(), credential) {
			t.Errorf("the log holds %s", credential)
		}
	}
}

// The configured rate is kept, and a deadline that it can't meet is not
// waited for.
func TestRate(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 200, emptyList) })
	c := server.client(t, func(c *veriff.Config) { c.Rate = 1.0 / 3600 })
	if _, err := c.SessionMedia(context.Background(), sessionID); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := c.SessionMedia(ctx, sessionID)
	wantError(t, err, veriff.ErrRateLimited)
	if server.asked() != 1 {
		t.Errorf("%d requests", server.asked())
	}
}

func discard(int64) (io.Writer, error) { return io.Discard, nil }
