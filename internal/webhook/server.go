package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"veriffs/internal/listener"
)

const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 15 * time.Second // for a request to arrive whole
	idleTimeout    = 60 * time.Second
	grace          = 15 * time.Second // for requests that are under way at the end
	maxHeader      = 16 << 10         // bytes
	maxConnections = 64               // each with one request, and a body of 1 MiB at most in memory
)

// ServerConfig is where a Server listens.
type ServerConfig struct {
	Address           string        // host:port
	CertFile, KeyFile string        // PEM; both empty: no TLS. Renewed files are taken up without a restart.
	Logger            *slog.Logger  // nil: discard
}

// Server serves a Receiver on a TCP address.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Listen takes the address, and reads the certificate if there is one, so
// that what is wrong with either shows at once.
func Listen(config ServerConfig, receiver *Receiver) (*Server, error) {
	log := config.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{http: &http.Server{
		Handler:           receiver,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout + 2*maxCommit, // counts from the start of the request
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnContext:       listener.ConnContext,
		Protocols:         new(http.Protocols),
	}}
	s.http.Protocols.SetHTTP1(true) // one request at once on a connection, so that bounding those bounds all
	if (config.CertFile == "") != (config.KeyFile == "") {
		return nil, errors.New("webhook: a certificate needs its key, and a key its certificate")
	}
	if config.CertFile != "" {
		c := &certificate{certFile: config.CertFile, keyFile: config.KeyFile, log: log}
		if err := c.load(); err != nil {
			return nil, fmt.Errorf("webhook: %w", err)
		}
		s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	}
	tcp, err := net.Listen("tcp", config.Address)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	s.listener = listener.Bound(tcp, maxConnections, log)
	if address, ok := tcp.Addr().(*net.TCPAddr); ok && config.CertFile == "" && !address.IP.IsLoopback() {
		log.Warn("webhooks are received without TLS on an address that others can reach; bodies hold personal data", "address", address.String())
	}
	return s, nil
}

// Addr returns the address listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve serves until ctx ends, and then lets the requests that are under way
// end, for at most 15 s. It returns nil if ctx was why it ended.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() {
		if s.http.TLSConfig != nil {
			failed <- s.http.ServeTLS(s.listener, "", "")
		} else {
			failed <- s.http.Serve(s.listener)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("webhook: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.http.Shutdown(end)
	if err != nil {
		s.http.Close()
		err = fmt.Errorf("webhook: requests were cut off: %w", err)
	}
	<-failed
	return err
}
