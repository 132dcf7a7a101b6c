package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/accesslog"
	"veriffs/internal/control"
	"veriffs/internal/memory"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// world is a stand-in for the API, and options for which nothing is wrong.
type world struct {
	api    *sandbox.Sandbox
	server *sandbox.Server
	dir    string
	Options
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{api: sandbox.New(sandbox.Options{}), dir: t.TempDir()}
	var err error
	if w.server, err = sandbox.Listen(w.api); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.server.Close)
	secret := w.api.Secrets()[0]
	w.Options = Options{
		Version: "1", API: veriff.Config{BaseURL: w.server.URL, APIKey: w.api.APIKey, Secrets: []string{secret}, Patience: time.Second},
		Cache:    cache.Options{Dir: w.path("cache"), Limit: 1 << 20, MinFree: 0.0001, Secrets: [][]byte{[]byte(secret)}},
		Sessions: []string{w.path("sessions")}, Key: w.path("key"),
		Device: "/dev/null", Config: w.path("fuse.conf"), Helper: func() (string, error) { return "/bin/sh", nil },
		Explain: func(err error) (string, string) { return err.Error(), "do something about it" },
	}
	w.write(t, "sessions", w.api.SessionIDs()[0].String()+"\n")
	w.makeCache(t)
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeCache makes a cache with one object.
func (w *world) makeCache(t *testing.T) {
	t.Helper()
	c, err := cache.Open(w.Cache)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := c.Create("key", 8)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write([]byte("contents")); err != nil {
		t.Fatal(err)
	}
	object, err := writer.Commit(nil)
	if err != nil {
		t.Fatal(err)
	}
	object.Close()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// find returns what a check finds.
func (w *world) find(t *testing.T, name string) Finding {
	t.Helper()
	var found []Finding
	Run(t.Context(), w.Options, func(f Finding) { found = append(found, f) })
	i := slices.IndexFunc(found, func(f Finding) bool { return f.Check == name })
	if i < 0 {
		t.Fatalf("no check is called %s", name)
	}
	return found[i]
}

// TestWell: nothing is wrong where nothing was broken.
func TestWell(t *testing.T) {
	w := newWorld(t)
	Run(t.Context(), w.Options, func(f Finding) {
		if f.Verdict != OK && f.Kind != "in-memory" { // a temporary directory may be that
			t.Errorf("%s: %s, %s", f.Check, f.Verdict, f.Says)
		}
		if f.Mend != "" && f.Verdict == OK {
			t.Errorf("%s: %s", f.Check, f.Mend)
		}
	})
}

// broken is a thing that a test breaks, and the line that tells of it.
type broken struct {
	check   string
	verdict Verdict
	kind    string
	how     func(t *testing.T, w *world)
}

func (b broken) test(t *testing.T) {
	t.Run(b.check+" "+b.kind, func(t *testing.T) {
		w := newWorld(t)
		b.how(t, w)
		f := w.find(t, b.check)
		if f.Verdict != b.verdict || f.Kind != b.kind || f.Says == "" || f.Mend == "" {
			t.Errorf("%+v", f)
		}
	})
}

func TestBrokenSettings(t *testing.T) {
	for _, b := range []broken{
		{"settings", Fail, "unusable", func(_ *testing.T, w *world) { w.Settings = errors.New("wrong") }},
		{"shared secret", Fail, "missing", func(_ *testing.T, w *world) { w.Secrets = errors.New("missing") }},
		{"shared secret", Warn, "not-looked-at", func(_ *testing.T, w *world) { w.Settings = errors.New("wrong") }},
		{"keyring", Fail, "unusable", func(_ *testing.T, w *world) { w.Keyring, w.Secrets = true, errors.New("locked") }},
		{"credentials", Warn, "no-secret", func(_ *testing.T, w *world) { w.Secrets = errors.New("missing") }},
		{"cache secrets", Warn, "no-secret", func(_ *testing.T, w *world) { w.Secrets = errors.New("missing") }},
	} {
		b.test(t)
	}
}

func TestBrokenMounts(t *testing.T) {
	mount := func(change func(*control.Status)) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) {
			s := &control.Status{Mount: control.Mount{Version: "1"}, Memory: &memory.State{Locked: true}, AccessLog: &accesslog.Status{Path: w.path("log")}}
			change(s)
			w.Mounts, w.AccessLog = []Mount{{Point: "/mnt", Alive: true, Status: s}}, w.path("log")
		}
	}
	for _, b := range []broken{
		{"version", Warn, "mounts-of-another-version", mount(func(s *control.Status) { s.Version = "0" })},
		{"mounts", Fail, "stale", func(_ *testing.T, w *world) { w.Mounts = []Mount{{Point: "/mnt"}} }},
		{"memory of mounts", Warn, "dumpable", mount(func(s *control.Status) { s.Memory.Dumpable = true })},
		{"access log", Fail, "failing", mount(func(s *control.Status) { s.AccessLog.Failing = "no space" })},
		{"access log", Warn, "lost", mount(func(s *control.Status) { s.AccessLog.Lost = 3 })},
	} {
		b.test(t)
	}
	// Whether memory that is not locked is a trouble depends on the machine.
	w := newWorld(t)
	mount(func(s *control.Status) { s.Memory.Locked = false })(t, w)
	if f := w.find(t, "memory of mounts"); (f.Kind == "not-locked") != swaps() || f.Facts["not_locked"] != 1 {
		t.Errorf("%+v", f)
	}
}

func TestBrokenNetwork(t *testing.T) {
	for _, b := range []broken{
		{"name", Warn, "no-address", func(_ *testing.T, w *world) { w.API.BaseURL = "" }},
		{"credentials", Fail, "unusable", func(_ *testing.T, w *world) { w.API.BaseURL = "" }},
		{"credentials", Fail, "unusable", func(_ *testing.T, w *world) { w.API.APIKey, w.Secrets = "", errors.New("missing") }},
		{"name", Fail, "not-found", func(_ *testing.T, w *world) { w.API.BaseURL = "https://veriffs.invalid" }},
		{"connection", Fail, "no-answer", func(_ *testing.T, w *world) { w.server.Down() }},
		{"clock", Warn, "no-answer", func(_ *testing.T, w *world) { w.server.Down() }},
		{"connection", Fail, "untrusted", certified(time.Hour, "127.0.0.1", false)},
		{"connection", Fail, "of-another-host", certified(time.Hour, "127.0.0.2", true)},
		{"connection", Fail, "not-valid", certified(-time.Hour, "127.0.0.1", true)},
		{"clock", Fail, "wrong", dated(2 * time.Hour)},
		{"clock", Fail, "wrong", dated(-48 * time.Hour)},
		{"clock", Warn, "off", dated(-10 * time.Minute)},
		{"clock", Warn, "no-date", dated(0)},
		{"credentials", Fail, "refused", func(_ *testing.T, w *world) { w.api.SetActive(false) }},
		{"credentials", Fail, "refused", func(_ *testing.T, w *world) { w.API.APIKey = "00000000-0000-4000-8000-000000000000" }},
		{"credentials", Fail, "refused", func(_ *testing.T, w *world) { w.API.Secrets = []string{"another"} }},
		{"credentials", Fail, "wrong-signature", func(_ *testing.T, w *world) { w.api.Set(sandbox.Match{}, sandbox.SignedWith("another")) }},
		{"credentials", Fail, "redirected", func(_ *testing.T, w *world) { w.api.Set(sandbox.Match{}, sandbox.Redirect("https://example.com/")) }},
		{"credentials", Fail, "unreachable", func(_ *testing.T, w *world) { w.server.Down() }},
		{"credentials", Warn, "unexpected", func(_ *testing.T, w *world) { w.api.Set(sandbox.Match{}, sandbox.Status(500)) }},
		{"credentials", Warn, "unsigned", func(_ *testing.T, w *world) {
			w.API.Verify = veriff.VerifyPresent
			w.api.Set(sandbox.Match{}, sandbox.Unsigned())
		}},
	} {
		b.test(t)
	}
	w := newWorld(t)
	w.api.SetActive(false)
	if f := w.find(t, "credentials"); f.Facts["code"] != uint64(1804) || f.Facts["status"] != 401 {
		t.Errorf("%+v", f)
	}
}

// dated makes whoever answers believe that it is another time; 0: it does not know.
func dated(ahead time.Duration) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
			answer.Header()["Date"] = nil
			if ahead != 0 {
				answer.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			}
		}))
		t.Cleanup(server.Close)
		w.API.BaseURL = server.URL
	}
}

// certified makes the API answer by TLS, with a certificate for a host that ends some
// time from now.
func certified(ends time.Duration, host string, trusted bool) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		der, key := selfSigned(t, ends, host)
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(w.api)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		w.API.BaseURL, w.API.RootCAs = server.URL, x509.NewCertPool()
		if trusted {
			w.API.RootCAs.AddCert(parsed)
		}
	}
}

// selfSigned makes a certificate for a host that ends some time from now.
func selfSigned(t *testing.T, ends time.Duration, host string) (der []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(ends),
		IPAddresses: []net.IP{net.ParseIP(host)}, IsCA: true, BasicConstraintsValid: true}
	if der, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
		t.Fatal(err)
	}
	return der, key
}

// TestTrusted: a certificate with which nothing is wrong.
func TestTrusted(t *testing.T) {
	w := newWorld(t)
	certified(time.Hour, "127.0.0.1", true)(t, w)
	for _, name := range []string{"connection", "credentials"} {
		if f := w.find(t, name); f.Verdict != OK {
			t.Errorf("%+v", f)
		}
	}
}

// TestEnd: a check that waits for the API ends when it is told to, and is the last.
func TestEnd(t *testing.T) {
	w := newWorld(t)
	hanging := w.api.Set(sandbox.Match{}, sandbox.Latency(time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if hanging.Wait(t.Context(), 1) == nil {
			cancel()
		}
	}()
	var last string
	Run(ctx, w.Options, func(f Finding) { last = f.Check })
	if last != "name" {
		t.Errorf("the last that was told is %q", last)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
