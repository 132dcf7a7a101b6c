package directory

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// File is a regular file that is open for reading. An *os.File takes two more system
// calls, for a poller that has no use for such files. It must be closed.
type File struct {
	path string
	mu   sync.RWMutex // held for reading while fd is in use, so that Close waits
	fd   int          // -1: closed
}

// Fd is the descriptor, until the file is closed.
func (f *File) Fd() int { return f.fd }

// ReadAt is io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (n int, err error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.fd < 0 {
		return 0, &fs.PathError{Op: "read", Path: f.path, Err: fs.ErrClosed}
	}
	for n < len(p) {
		m, err := unix.Pread(f.fd, p[n:], off+int64(n))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return n, &fs.PathError{Op: "read", Path: f.path, Err: err}
		case m == 0:
			return n, io.EOF
		default:
			n += m
		}
	}
	return n, nil
}

// Close closes the file once no read is under way.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := fs.ErrClosed
	if f.fd >= 0 {
		err = unix.Close(f.fd)
		f.fd = -1
	}
	if err != nil {
		return &fs.PathError{Op: "close", Path: f.path, Err: err}
	}
	return nil
}

// openSlowly opens a file for reading as it can be done everywhere.
func (d *Directory) openSlowly(path string, flags int) (*File, error) {
	f, err := d.Root.OpenFile(path, flags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "dup", Path: path, Err: os.NewSyscallError("fcntl", err)}
	}
	return &File{fd: fd, path: path}, nil
}
