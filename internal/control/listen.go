package control

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"veriffs/internal/caller"
)

// listen creates the socket of this process, <pid>.sock. It gets that name only
// once it answers and has its mode.
func listen(candidates []string, log *slog.Logger) (*socket, error) {
	dir, err := makeDirectory(candidates)
	if err != nil {
		return nil, fmt.Errorf("control: no usable directory for the socket: %w", err)
	}
	sweep(dir)
	name := strconv.Itoa(os.Getpid())
	path, making := filepath.Join(dir, name+socketSuffix), filepath.Join(dir, name+".new")
	if err := os.Remove(making); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control: %w", err)
	}
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: making, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control: listen: %w", err)
	}
	unix.SetUnlinkOnClose(false) // its name changes
	err = os.Chmod(making, 0o600)
	if err == nil {
		err = os.Rename(making, path)
	}
	if err != nil {
		unix.Close()
		os.Remove(making)
		return nil, fmt.Errorf("control: %w", err)
	}
	return &socket{UnixListener: unix, path: path, uid: os.Getuid(), log: log, told: rate.Sometimes{First: 1, Interval: time.Minute}}, nil
}

// sweep removes the sockets of processes that are gone.
func sweep(dir string) {
	for _, path := range sockets([]string{dir}) {
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
		} else {
			removeStale(path, err)
		}
	}
}

// removeStale removes a socket on which nobody listens.
func removeStale(path string, dialled error) {
	if errors.Is(dialled, syscall.ECONNREFUSED) {
		_ = os.Remove(path) // if that fails, it is ignored next time, too
	}
}

// socket accepts the connections of one user's processes.
type socket struct {
	*net.UnixListener
	path string
	uid  int
	log  *slog.Logger
	// callers describes the peers, for the access log; nil without one.
	callers *caller.Resolver
	told    rate.Sometimes // limits log lines about other users

	once sync.Once
}

// Accept returns the next connection of the mount's own user. It closes those of
// others without an answer.
func (l *socket) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		who, err := peerAt(conn)
		if err == nil && who.uid == l.uid {
			if l.callers != nil {
				who.describe(l.callers)
			}
			return peered{conn, who}, nil
		}
		l.told.Do(func() {
			l.log.Warn("refused a process of another user at the control socket", "uid", who.uid, "error", err)
		})
		conn.Close()
	}
}

// Close removes the socket's name first, so that no client finds a dead one.
func (l *socket) Close() error {
	l.once.Do(func() { os.Remove(l.path) })
	return l.UnixListener.Close()
}

// peerAt returns the process at the other end, without its description.
func peerAt(conn *net.UnixConn) (*peer, error) {
	who, asked := &peer{uid: -1}, error(nil)
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			var found *peer
			if found, asked = credentials(int(fd)); asked == nil {
				who = found
			}
		})
	}
	return who, errors.Join(err, asked)
}
