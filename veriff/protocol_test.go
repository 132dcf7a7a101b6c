package veriff_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"veriffs/veriff"
)

func BenchmarkDownloadHTTP1(b *testing.B) { benchmarkProtocol(b, (*http.Protocols).SetHTTP1) }
func BenchmarkDownloadHTTP2(b *testing.B) { benchmarkProtocol(b, (*http.Protocols).SetHTTP2) }

// benchmarkProtocol downloads 900 pictures over TLS, 16 at a time, as a walk
// does, from a server that takes delay to begin each answer.
func benchmarkProtocol(b *testing.B, speak func(*http.Protocols, bool)) {
	const files, size, parallel = 900, 212_000, 16
	body := picture(size)
	signature := mac(body, secret)
	protocols := new(http.Protocols)
	speak(protocols, true)
	for _, delay := range []time.Duration{0, 50 * time.Millisecond} {
		b.Run(delay.String(), func(b *testing.B) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(delay)
				w.Header().Set("X-HMAC-SIGNATURE", signature)
				w.Header().Set("Content-Length", fmt.Sprint(size))
				io.WriteString(w, body)
			}))
			server.EnableHTTP2 = true
			server.StartTLS()
			defer server.Close()
			roots := x509.NewCertPool()
			roots.AddCert(server.Certificate())
			c, err := veriff.New(veriff.Config{BaseURL: server.URL, APIKey: key, Secrets: []string{secret}, RootCAs: roots})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			c.Speak(protocols)
			b.SetBytes(files * size)
			before := cpu(b)
			for b.Loop() {
				var (
					next atomic.Int64
					wg   sync.WaitGroup
				)
				for range parallel {
					wg.Go(func() {
						for next.Add(1) <= files {
							if _, err := c.Download(context.Background(), mediaID, discard); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
			}
			// Of both ends, since they share a process.
			b.ReportMetric((cpu(b)-before).Seconds()*1e9/float64(b.N*files*size), "cpu-s/GB")
		})
	}
}

// cpu is what this process used of it so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
