package doctor

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/internal/control"
)

func TestBrokenListeners(t *testing.T) {
	taken := func(t *testing.T) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		t.Cleanup(func() { l.Close() })
		return l.Addr().String()
	}
	for _, b := range []broken{
		{"webhooks", Fail, "in-use", func(t *testing.T, w *world) { w.Webhook = taken(t) }},
		{"webhooks", Warn, "in-use", func(t *testing.T, w *world) {
			w.Webhook = taken(t)
			w.Mounts = []Mount{{Point: "/mnt", Alive: true, Status: &control.Status{}}}
		}},
		{"webhooks", Fail, "unusable", func(_ *testing.T, w *world) { w.Webhook = "192.0.2.1:0" }}, // nobody's
		{"webhooks", Fail, "unusable", func(_ *testing.T, w *world) { w.Webhook = "8787" }},
		{"webhooks", Warn, "no-tls", func(_ *testing.T, w *world) { w.Webhook = ":0" }},
		{"webhooks", Fail, "certificate", func(t *testing.T, w *world) {
			servesTLS(t, w, time.Hour)
			must(t, os.Remove(w.TLSKey))
		}},
		{"webhooks", Fail, "certificate", func(t *testing.T, w *world) {
			servesTLS(t, w, time.Hour)
			first := w.TLSCert
			must(t, os.Rename(first, first+".old"))
			servesTLS(t, w, time.Hour)
			w.TLSCert = first + ".old" // with the key of another
		}},
		{"webhooks", Fail, "certificate", func(t *testing.T, w *world) {
			servesTLS(t, w, time.Hour)
			must(t, os.Remove(w.TLSCert), unix.Mkfifo(w.TLSCert, 0o600))
		}},
		{"webhooks", Fail, "expired", func(t *testing.T, w *world) { servesTLS(t, w, -time.Hour) }},
		{"webhooks", Warn, "expires-soon", func(t *testing.T, w *world) { servesTLS(t, w, 24*time.Hour) }},
		{"metrics", Fail, "in-use", func(t *testing.T, w *world) { w.Metrics = taken(t) }},
		{"metrics", Fail, "unusable", func(_ *testing.T, w *world) { w.Metrics = "192.0.2.1:0" }},
	} {
		b.test(t)
	}
	w := newWorld(t)
	servesTLS(t, w, 60*24*time.Hour)
	w.Metrics = "127.0.0.1:0"
	for _, check := range []string{"webhooks", "metrics"} {
		if f := w.find(t, check); f.Verdict != OK || f.Facts["used"] != true {
			t.Errorf("%+v", f)
		}
	}
}

// servesTLS has webhooks received with a certificate that ends some time from now.
func servesTLS(t *testing.T, w *world, ends time.Duration) {
	t.Helper()
	der, key := selfSigned(t, ends, "127.0.0.1")
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	w.write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	w.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	w.Webhook, w.TLSCert, w.TLSKey = "127.0.0.1:0", w.path("cert.pem"), w.path("key.pem")
}
