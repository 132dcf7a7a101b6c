package veriff_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"veriffs/veriff"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key     = "11111111-2222-4333-8444-555555555555"
	secret  = "abcdef12-abcd-abcd-abcd-abcdef012345"
	secret2 = "bbbbbbbb-abcd-abcd-abcd-abcdef012345"
	idText  = "aea9ba6d-1b47-47fc-a4fc-f72b6d3584a7"

	notFoundBody = `{"status":"fail","code":"1101","message":"Resource not found"}`
	emptyList    = `{"status":"success","images":[],"videos":[]}`
)

var (
	sessionID, _ = veriff.ParseSessionID(idText)
	attemptID, _ = veriff.ParseAttemptID(idText)
	mediaID, _   = veriff.ParseMediaID(idText)
)

// mac is the tests' own HMAC, so that client and test can't be wrong alike.
func mac(body, secret string) string {
	h := hmac.New(sha256.New, []byte(secret))
	io.WriteString(h, body)
	return hex.EncodeToString(h.Sum(nil))
}

// reply answers as the API does: signed, with the key echoed.
func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("X-AUTH-CLIENT", key)
	w.Header().Set("X-HMAC-SIGNATURE", mac(body, secret))
	replyUnsigned(w, status, body)
}

func replyUnsigned(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// api is a server that remembers what it was asked.
type api struct {
	*httptest.Server

	mu       sync.Mutex
	requests []*http.Request
	conns    int
}

func serve(t *testing.T, handler http.HandlerFunc) *api {
	t.Helper()
	return start(t, handler, (*httptest.Server).Start)
}

func start(t *testing.T, handler http.HandlerFunc, how func(*httptest.Server)) *api {
	t.Helper()
	a := new(api)
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.requests = append(a.requests, r)
		a.mu.Unlock()
		handler(w, r)
	}))
	a.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			a.mu.Lock()
			a.conns++
			a.mu.Unlock()
		}
	}
	how(a.Server)
	t.Cleanup(a.Close)
	return a
}

// asked is the number of requests so far.
func (a *api) asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.requests)
}

// client returns a client of the server that hardly pauses between tries;
// change may alter its configuration.
func (a *api) client(t *testing.T, change ...func(*veriff.Config)) *veriff.Client {
	t.Helper()
	c := newClient(t, a.URL, change...)
	c.Hurry()
	return c
}

func newClient(t *testing.T, url string, change ...func(*veriff.Config)) *veriff.Client {
	t.Helper()
	config := veriff.Config{BaseURL: url, APIKey: key, Secrets: []string{secret}}
	for _, f := range change {
		f(&config)
	}
	c, err := veriff.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func verifyMode(m veriff.VerifyMode) func(*veriff.Config) {
	return func(c *veriff.Config) { c.Verify = m }
}

// download fetches the one media id and returns what its last try wrote.
func download(ctx context.Context, c *veriff.Client) (string, veriff.Receipt, error) {
	var got bytes.Buffer
	receipt, err := c.Download(ctx, mediaID, func(int64) (io.Writer, error) {
		got.Reset()
		return &got, nil
	})
	return got.String(), receipt, err
}

var sentinels = []error{
	veriff.ErrNotFound, veriff.ErrRefused, veriff.ErrRateLimited, veriff.ErrUnreachable, veriff.ErrSignature,
	veriff.ErrBody, veriff.ErrServer, veriff.ErrRedirect, veriff.ErrSink, context.Canceled, context.DeadlineExceeded,
}

// wantError fails unless err is want and no other of the errors that callers
// tell apart. want may be nil.
func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error = %v, want %v", err, want)
	}
	for _, other := range sentinels {
		if other != want && errors.Is(err, other) {
			t.Errorf("error %v is also %v", err, other)
		}
	}
	wantClean(t, err)
}

// wantClean fails if an error's text holds a credential.
func wantClean(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, credential := range []string{secret, secret2, mac(idText, secret), mac(notFoundBody, secret)} {
		if strings.Contains(err.Error(), credential) {
			t.Errorf("error holds a credential: %v", err)
		}
	}
}

// trust makes a client accept the server's certificate.
func trust(a *api) func(*veriff.Config) {
	return func(c *veriff.Config) {
		if cert := a.Certificate(); cert != nil {
			c.RootCAs = x509.NewCertPool()
			c.RootCAs.AddCert(cert)
		}
	}
}

// quietTLS starts a TLS server that does not log the handshakes that fail.
func quietTLS(s *httptest.Server) {
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
}

// protocols are the ways to start a server that a client may meet.
var protocols = map[string]func(*httptest.Server){
	"plain": (*httptest.Server).Start,
	"TLS":   func(s *httptest.Server) { s.EnableHTTP2 = true; quietTLS(s) },
}
