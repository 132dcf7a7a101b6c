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
	Address           string       // host:port
	CertFile, KeyFile string       // PEM; both empty: no TLS. Renewed files are loaded without a restart.
	Logger            *slog.Logger // nil: discard
}

// Server serves a Receiver on a TCP address.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Listen listens on the address and loads the certificate, if any, so that an
// error in either shows at once.
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
		log.Warn("receiving webhooks, which hold personal data, without TLS on an address that other machines can reach", "address", address.String())
	}
	return s, nil
}

// Addr returns the address listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve serves until ctx ends, then waits up to 15 s for requests in progress. It
// returns nil if it ended because of ctx and cut off no request.
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
		err = fmt.Errorf("webhook: cut off requests in progress: %w", err)
	}
	<-failed
	return err
}
