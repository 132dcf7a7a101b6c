package journal

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// patience is how long a record waits for a journal that takes none.
	patience = time.Second
	// pause is how long nobody waits for it after that.
	pause = 30 * time.Second
)

// errPaused: the journal took nothing a short while ago.
var errPaused = errors.New("the journal takes no records")

// socket is a connection to the journal's socket. It is a connected one: sending to an
// address without a connection, the kernel does not say when a full queue has room again,
// and Go's runtime asks without a break.
type socket struct {
	path     string
	patience time.Duration

	mu     sync.Mutex
	conn   net.Conn // nil once it is closed
	resume time.Time
}

func connect(path string) (*socket, error) {
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return nil, err
	}
	return &socket{path: path, patience: patience, conn: conn}, nil
}

// send sends a record. If there is another journal by now, it is that one which gets it.
func (s *socket) send(record []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return net.ErrClosed
	}
	if time.Now().Before(s.resume) {
		return errPaused
	}
	err := s.write(record)
	if err == nil || errors.Is(err, syscall.EMSGSIZE) {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.resume = time.Now().Add(pause)
		return err
	}
	conn, err := net.Dial("unixgram", s.path)
	if err != nil {
		return err
	}
	_ = s.conn.Close() // a datagram is sent or not
	s.conn = conn
	return s.write(record)
}

func (s *socket) write(record []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.patience)); err != nil {
		return err
	}
	_, err := s.conn.Write(record)
	return err
}

func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}
