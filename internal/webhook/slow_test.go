package webhook

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"veriffs/veriff"
)

// patience bounds a test that hangs.
const patience = time.Minute

// withoutTimeouts makes a server wait for slow clients as long as they like.
func withoutTimeouts(s *Server) {
	s.http.ReadHeaderTimeout, s.http.ReadTimeout, s.http.WriteTimeout, s.http.IdleTimeout = time.Hour, time.Hour, time.Hour, time.Hour
}

// crowd opens that many connections, says the same on each, and waits for an
// answer if there is to be one. A connection may be closed meanwhile.
func crowd(t *testing.T, address string, connections int, say string, answered bool) (leave func()) {
	t.Helper()
	var all []net.Conn
	leave = func() {
		for _, c := range all {
			c.Close()
		}
	}
	t.Cleanup(leave)
	for range connections {
		c, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, say)
		if answered {
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				resp.Body.Close()
			}
		}
	}
	return leave
}

// TestSlowClientsHoldUpNobody has far more slow clients than there are
// connections, from the same address as a webhook, and timeouts that never
// come: a webhook is accepted all the same.
func TestSlowClientsHoldUpNobody(t *testing.T) {
	const many = 4 * maxConnections
	head := "POST / HTTP/1.1\r\nHost: x\r\n"
	signed := func(signature string) string {
		return head + fmt.Sprintf("X-AUTH-CLIENT: %s\r\nX-HMAC-SIGNATURE: %s\r\nContent-Length: %d\r\n\r\n", testKey, signature, len(event(1)))
	}
	for name, tt := range map[string]struct {
		say      string
		answered bool
	}{
		"silent":            {"", false},
		"slow headers":      {head + "X-Slow: ", false},
		"bogus signature":   {signed(strings.Repeat("0", 64)) + event(1)[:20], false},
		"slow body":         {signed(sign(event(1), testSecret)) + event(1)[:20], false},
		"slow body, no key": {head + "Content-Length: 20\r\n\r\nx", false},
		"idle":              {"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, ServerConfig{}, withoutTimeouts)
			crowd(t, strings.TrimPrefix(f.url, "http://"), many, tt.say, tt.answered)
			client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
			for n := range 3 {
				req, err := http.NewRequest(http.MethodPost, f.url, strings.NewReader(event(n)))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("X-AUTH-CLIENT", testKey)
				req.Header.Set("X-HMAC-SIGNATURE", sign(event(n), testSecret))
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != 200 {
					t.Error(resp.Status)
				}
			}
			if n := strings.Count(f.log.String(), "level=WARN"); n > 30 {
				t.Errorf("%d warnings", n)
			}
		})
	}
}

// TestSignedIsNotPushedOut has a crowd come while a webhook is written, also
// over TLS, where the connection is hidden in another.
func TestSignedIsNotPushedOut(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			writing, release := make(chan struct{}), make(chan struct{})
			r := newReceiver(t, func(context.Context, []veriff.SessionID) (int, error) {
				close(writing)
				<-release
				return 1, nil
			})
			config, pool := ServerConfig{Address: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}, x509.NewCertPool()
			if scheme == "https" {
				config.CertFile, config.KeyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
				writeCertificate(t, config.CertFile, config.KeyFile, 1)
				text, err := os.ReadFile(config.CertFile)
				if err != nil || !pool.AppendCertsFromPEM(text) {
					t.Fatal("no certificate", err)
				}
			}
			s, err := Listen(config, r)
			if err != nil {
				t.Fatal(err)
			}
			withoutTimeouts(s)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Serve(ctx) }()
			client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
			answered := make(chan string, 1)
			go func() {
				req := request(1)
				req.RequestURI = ""
				req.URL.Scheme, req.URL.Host = scheme, s.Addr().String()
				resp, err := client.Do(req)
				if err != nil {
					answered <- err.Error()
					return
				}
				resp.Body.Close()
				answered <- resp.Status
			}()
			<-writing
			leave := crowd(t, s.Addr().String(), 3*maxConnections, "POST /", false)
			close(release)
			if got := <-answered; got != "200 OK" {
				t.Error(got)
			}
			leave() // or the end would wait for it
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
