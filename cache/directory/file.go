package directory

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// File is a regular file that is open for reading. An *os.File takes two more system
// calls, for a poller that has no use for such files. It must be closed, once, when no
// read is under way.
type File struct {
	fd   int
	path string
}

// Fd is the descriptor.
func (f *File) Fd() int { return f.fd }

// ReadAt is io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (n int, err error) {
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

// Close closes the file.
func (f *File) Close() error {
	fd := f.fd
	f.fd = -1
	if err := unix.Close(fd); err != nil {
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
	return &File{fd, path}, nil
}
