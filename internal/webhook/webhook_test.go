package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"veriffs/internal/sessionlist"
	"veriffs/veriff"
)

const (
	testKey    = "11111111-2222-4333-8444-555555555555"
	testSecret = "abcdef12-abcd-abcd-abcd-abcdef012345"
	oldSecret  = "99999999-abcd-abcd-abcd-abcdef012345"
	attempt    = "ffffff00-1111-4222-8333-444444444444"
)

func TestMain(m *testing.M) {
	if file := os.Getenv("WEBHOOK_CHILD"); file != "" {
		if err := runChild(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func session(n int) string { return fmt.Sprintf("%08x-1111-4222-8333-444444444444", n+16) }

func event(n int) string {
	return fmt.Sprintf(`{"id":"%s","attemptId":"%s","feature":"selfid","code":7002,"action":"submitted","vendorData":"Doe","endUserId":null}`, session(n), attempt)
}

// sign is the tests' own idea of a signature.
func sign(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// fixture is a server with a sessions file.
type fixture struct {
	url  string
	file string
	log  safeBuffer
	mu   sync.Mutex
	told []string // by OnSession
}

func serve(t *testing.T, server ServerConfig, adjust ...func(*Server)) *fixture {
	t.Helper()
	f := &fixture{file: filepath.Join(t.TempDir(), "sessions.txt")}
	log := slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	receiver, err := New(Config{APIKey: testKey, Secrets: []string{testSecret, oldSecret}, Add: sessionlist.NewFile(f.file).Add,
		Logger: log, OnSession: func(id veriff.SessionID) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.told = append(f.told, id.String())
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(receiver.Close)
	server.Address, server.Logger = "127.0.0.1:0", log
	s, err := Listen(server, receiver)
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range adjust {
		do(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	f.url = "http://" + s.Addr().String()
	return f
}

// post sends a webhook with these headers, in the order name, value.
func (f *fixture) post(t *testing.T, path string, body io.Reader, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, f.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (f *fixture) signed(t *testing.T, body string) (int, string) {
	t.Helper()
	return f.post(t, "/", strings.NewReader(body), "X-AUTH-CLIENT", testKey, "X-HMAC-SIGNATURE", sign(body, testSecret))
}

func (f *fixture) sessions(t *testing.T) []string {
	t.Helper()
	ids, err := sessionlist.ReadFile(f.file, func(line int, reason string) { t.Errorf("line %d: %s", line, reason) })
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, id := range ids {
		all = append(all, id.String())
	}
	return all
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestAccepted(t *testing.T) {
	f := serve(t, ServerConfig{})
	decision := `{"status":"success","verification":{"id":"` + session(2) + `","attemptId":"` + attempt + `","code":9102,"status":"declined","person":{"lastName":"Doe"}},"technicalData":{"ip":"1.2.3.4"}}`
	custom := `{"attemptId":"` + attempt + `","eventType":"custom_status","time":"2026-01-01T00:00:00.000Z","data":{"verification":{"id":"` + session(3) + `"}}}`
	legacy := event(4)
	for _, tt := range []struct {
		name, path, body string
		headers          []string
	}{
		{"event", "/", event(1), []string{"X-AUTH-CLIENT", testKey, "X-HMAC-SIGNATURE", sign(event(1), testSecret)}},
		{"decision, older secret", "/veriff/decision?x=y", decision, []string{"x-auth-client", testKey, "x-hmac-signature", sign(decision, oldSecret)}},
		{"custom status, upper case", "/veriff", custom, []string{"X-AUTH-CLIENT", testKey, "X-HMAC-SIGNATURE", strings.ToUpper(sign(custom, testSecret))}},
		{"older headers", "/", legacy, []string{"vrf-auth-client", testKey, "vrf-hmac-signature", sign(legacy, testSecret)}},
		{"again", "/", event(1), []string{"X-AUTH-CLIENT", testKey, "X-HMAC-SIGNATURE", sign(event(1), testSecret)}},
	} {
		if status, text := f.post(t, tt.path, strings.NewReader(tt.body), tt.headers...); status != 200 || text != "ok\n" {
			t.Errorf("%s: %d %q", tt.name, status, text)
		}
	}
	want := []string{session(1), session(2), session(3), session(4)}
	if diff := cmp.Diff(want, f.sessions(t)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(append(want, session(1)), f.told); diff != "" {
		t.Errorf("told: %s", diff)
	}
	log := f.log.String()
	for _, secret := range []string{"Doe", "1.2.3.4", testKey, testSecret, sign(event(1), testSecret)} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	for _, told := range []string{session(2), `kind="custom status"`, "action=declined code=9102"} {
		if !strings.Contains(log, told) {
			t.Errorf("%q is not in the log:\n%s", told, log)
		}
	}
}

func TestReplayIsNotWritten(t *testing.T) {
	f := serve(t, ServerConfig{})
	f.signed(t, event(1))
	before, err := os.Stat(f.file)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := f.signed(t, event(1)); status != 200 {
		t.Error(status)
	}
	after, err := os.Stat(f.file)
	if err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("written again: %v, %v", after, err)
	}
}

func TestRefused(t *testing.T) {
	f := serve(t, ServerConfig{})
	big := strings.Repeat("x", 10<<20)
	right := func(body string) []string {
		return []string{"X-AUTH-CLIENT", testKey, "X-HMAC-SIGNATURE", sign(body, testSecret)}
	}
	for _, tt := range []struct {
		name, body string
		headers    []string
		want       int
	}{
		{"nothing", event(1), nil, 401},
		{"unsigned", event(1), []string{"X-AUTH-CLIENT", testKey}, 401},
		{"no key", event(1), right(event(1))[2:], 401},
		{"other key", event(1), []string{"X-AUTH-CLIENT", attempt, "X-HMAC-SIGNATURE", sign(event(1), testSecret)}, 401},
		{"other secret", event(1), []string{"X-AUTH-CLIENT", testKey, "X-HMAC-SIGNATURE", sign(event(1), attempt)}, 401},
		{"other body", event(1), right(event(2)), 401},
		{"changed by a space", event(1) + " ", right(event(1)), 401},
		{"half a signature", event(1), []string{"X-AUTH-CLIENT", testKey, "X-HMAC-SIGNATURE", sign(event(1), testSecret)[:32]}, 401},
		{"no hexadecimal signature", event(1), []string{"X-AUTH-CLIENT", testKey, "X-HMAC-SIGNATURE", strings.Repeat("x", 64)}, 401},
		{"unsigned and no JSON", "x", []string{"X-AUTH-CLIENT", testKey, "X-HMAC-SIGNATURE", strings.Repeat("0", 64)}, 401},
		{"empty", "", right(""), 400},
		{"no JSON", "id=" + session(1), right("id=" + session(1)), 400},
		{"cut JSON", event(1)[:60], right(event(1)[:60]), 400},
		{"no session", `{"attemptId":"` + attempt + `"}`, right(`{"attemptId":"` + attempt + `"}`), 400},
		{"no UUID", `{"id":"../../etc/passwd"}`, right(`{"id":"../../etc/passwd"}`), 400},
		{"line break in the id", `{"id":"` + session(1) + `\n"}`, right(`{"id":"` + session(1) + `\n"}`), 400},
		{"10 MB", big, right(big), 413},
		{"10 MB of another key", big, nil, 401},
	} {
		if status, text := f.post(t, "/", strings.NewReader(tt.body), tt.headers...); status != tt.want {
			t.Errorf("%s: %d %q, want %d", tt.name, status, text, tt.want)
		}
		// Without a length announced, chunk by chunk.
		if status, text := f.post(t, "/", io.MultiReader(strings.NewReader(tt.body)), tt.headers...); status != tt.want {
			t.Errorf("%s, chunked: %d %q, want %d", tt.name, status, text, tt.want)
		}
	}
	if got := f.sessions(t); got != nil {
		t.Errorf("sessions: %v", got)
	}
	if log := f.log.String(); strings.Contains(log, "passwd") || strings.Contains(log, testSecret) {
		t.Error("content in the log")
	}
}

func TestMethodsAndHealth(t *testing.T) {
	f := serve(t, ServerConfig{})
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 405}, {"PUT", "/", 405}, {"DELETE", "/x", 405}, {"OPTIONS", "/", 405},
		{"GET", "/healthz", 200}, {"HEAD", "/healthz", 200}, {"POST", "/healthz", 405},
	} {
		req, err := http.NewRequest(tt.method, f.url+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.want || tt.want == 405 && resp.Header.Get("Allow") == "" || tt.want == 200 && tt.method == "GET" && string(text) != "ok\n" {
			t.Errorf("%s %s: %d %q", tt.method, tt.path, resp.StatusCode, text)
		}
	}
}

// TestSlow sends requests that never end; the server must end them.
func TestSlow(t *testing.T) {
	f := serve(t, ServerConfig{}, func(s *Server) {
		s.http.ReadHeaderTimeout, s.http.ReadTimeout = 300*time.Millisecond, 300*time.Millisecond
	})
	body := event(1)
	head := "POST / HTTP/1.1\r\nHost: x\r\n"
	for name, tt := range map[string]struct{ send, want string }{
		"header": {head, ""},
		"body": {head + fmt.Sprintf("X-AUTH-CLIENT: %s\r\nX-HMAC-SIGNATURE: %s\r\nContent-Length: %d\r\n\r\n%s",
			testKey, sign(body, testSecret), len(body), body[:20]), "HTTP/1.1 408"},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, tt.send); err != nil {
			t.Fatal(err)
		}
		reply, err := io.ReadAll(conn) // ends when the server does
		if err != nil || !strings.HasPrefix(string(reply), tt.want) {
			t.Errorf("%s: %q, %v", name, reply, err)
		}
	}
	if status, _ := f.signed(t, body); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}
