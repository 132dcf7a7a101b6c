package sandbox

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server serves a Sandbox on a port of the loopback interface.
type Server struct {
	URL string // such as http://127.0.0.1:34567, without /v1

	handler http.Handler
	address string
	running sync.RWMutex // held for reading by every request being answered

	mu     sync.Mutex
	server *http.Server // nil while down
	done   chan struct{}
}

// Listen starts serving on a free port of 127.0.0.1.
func Listen(h http.Handler) (*Server, error) {
	s := &Server{handler: h, address: "127.0.0.1:0"}
	if err := s.Up(); err != nil {
		return nil, err
	}
	s.URL = "http://" + s.address
	return s, nil
}

// Up listens again after Down, on the same port.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("sandbox: listen: %w", err)
	}
	s.address = listener.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(s.answer), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	s.server, s.done = server, done
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			_ = server.Close() // clients see it: connections are refused
		}
	}()
	return nil
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	s.running.RLock()
	defer s.running.RUnlock()
	s.handler.ServeHTTP(w, r)
}

// Down closes the port and every connection, so that clients are refused, and
// waits for the requests being answered: a closed connection ends them, and
// what stalls or delays them too.
func (s *Server) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return
	}
	_ = s.server.Close()
	<-s.done
	s.running.Lock()
	//lint:ignore SA2001 nothing to do but to wait for the readers
	s.running.Unlock()
	s.server = nil
}

// Close is Down, for good.
func (s *Server) Close() { s.Down() }
