package webhook

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"veriffs/veriff"
)

// writeCertificate makes a self-signed certificate with that serial number.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTLSAndShutdown(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, certFile, keyFile, 1)
	writing, release := make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(context.Context, []veriff.SessionID) (int, error) {
		close(writing)
		<-release
		return 1, nil
	})
	s, err := Listen(ServerConfig{Address: "127.0.0.1:0", CertFile: certFile, KeyFile: keyFile}, r)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()

	pool := x509.NewCertPool()
	text, err := os.ReadFile(certFile)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	answered := make(chan int, 1)
	go func() {
		req := request(1)
		req.RequestURI = ""
		req.URL.Scheme, req.URL.Host = "https", s.Addr().String()
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.ProtoMajor != 1 { // many requests on a connection would not be bounded
			t.Error(resp.Proto)
		}
		answered <- resp.StatusCode
	}()
	<-writing
	cancel() // a webhook is under way: it is answered before the end
	close(release)
	if status := <-answered; status != 200 {
		t.Errorf("answered %d", status)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
		t.Error("still listening")
	}
}

func TestRenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	c := &certificate{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), log: slog.New(slog.DiscardHandler)}
	serial := func() int64 {
		t.Helper()
		c.looked = time.Time{} // long ago
		got, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.Int64()
	}
	writeCertificate(t, c.certFile, c.keyFile, 1)
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Minute)
	if err := os.WriteFile(c.certFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chtimes(c.certFile, later, later)
	if n := serial(); n != 1 {
		t.Errorf("half written: serial %d", n)
	}
	writeCertificate(t, c.certFile, c.keyFile, 2)
	if n := serial(); n != 2 {
		t.Errorf("renewed: serial %d", n)
	}
}

func TestListenRefuses(t *testing.T) {
	r := newReceiver(t, func(context.Context, []veriff.SessionID) (int, error) { return 0, nil })
	for name, config := range map[string]ServerConfig{
		"address":        {Address: "nowhere"},
		"half a pair":    {Address: "127.0.0.1:0", CertFile: "cert.pem"},
		"no certificate": {Address: "127.0.0.1:0", CertFile: "/nonexistent", KeyFile: "/nonexistent"},
	} {
		if _, err := Listen(config, r); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	add := func(context.Context, []veriff.SessionID) (int, error) { return 0, nil }
	for name, config := range map[string]Config{
		"no key":       {Secrets: []string{"x"}, Add: add},
		"no secret":    {APIKey: "x", Add: add},
		"empty secret": {APIKey: "x", Secrets: []string{"x", ""}, Add: add},
		"six secrets":  {APIKey: "x", Secrets: make([]string, 6), Add: add},
		"no list":      {APIKey: "x", Secrets: []string{"x"}},
	} {
		if _, err := New(config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
