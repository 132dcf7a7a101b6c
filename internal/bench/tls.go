//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

// tlsWalks measures the first walk over everything as in life, over TLS.
func (b *bench) tlsWalks() {
	s := b.startStandinOverTLS()
	defer s.stop()
	cp := tools[0]
	for _, latency := range b.at(0, 5*time.Millisecond, 20*time.Millisecond, barLatency) {
		s.delay(latency)
		measure := fmt.Sprintf("cold `%s` over TLS at %d ms, times curl parallel over TLS", cp.name, latency.Milliseconds())
		ofThat := fmt.Sprintf("processor time of that `%s` over TLS", cp.name)
		c, err := b.cold(s, cp, "tls-"+latency.String(), false)
		if err != nil {
			b.table.failed(measure, err)
			continue
		}
		b.table.timesCurl(measure, c, cp.bars[latency])
		b.table.processorTime(ofThat, c, latency)
	}
}

// startStandinOverTLS serves the world that is walked to mounts and a curl that speak
// TLS to it.
func (b *bench) startStandinOverTLS() *standin {
	s := startStandin()
	f := must(os.CreateTemp(b.dir, "certificate-*.pem"))
	must(f.WriteString(s.TLS.Certificate))
	check(f.Close())
	s.API, s.trusted = s.TLS.URL, f.Name()
	return s
}

// secure is where something is served over TLS, with a certificate of its own.
type secure struct {
	URL         string
	Certificate string // PEM
}

// serveTLS serves TLS 1.3 alone, so that whoever connects speaks it, and HTTP/1.1 alone,
// which is what the mount speaks.
func serveTLS(h http.Handler) (s secure, stop func()) {
	own := newCertificate()
	listener := must(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{own},
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{"http/1.1"},
	}))
	server := &http.Server{Handler: h, ReadHeaderTimeout: startTimeout}
	go func() { _ = server.Serve(listener) }() // until stop
	return secure{
		URL:         "https://" + listener.Addr().String(),
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})),
	}, func() { _ = server.Close() }
}

// newCertificate makes a certificate for this machine, which nobody keeps the key of.
func newCertificate() tls.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "stand-in for the API"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(0, 0, 7),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true, // it signs itself
	}
	return tls.Certificate{
		Certificate: [][]byte{must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))},
		PrivateKey:  key,
	}
}
