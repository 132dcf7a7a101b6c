package directory

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// OpenFile opens a file below the directory and follows no link. It is one
// system call: os.Root, which works everywhere, opens and closes each directory
// on the way, which makes a hit 36 instead of 27 µs.
func (d *Directory) OpenFile(path string, flags int, perm os.FileMode) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	if flags&os.O_CREATE != 0 {
		how.Mode = uint64(perm.Perm())
	}
	conn, err := d.self.SyscallConn() // which keeps the descriptor ours during the call
	if err != nil {
		return nil, err
	}
	var fd int
	if closed := conn.Control(func(self uintptr) { fd, err = unix.Openat2(int(self), path, &how) }); closed != nil {
		return nil, &fs.PathError{Op: "openat2", Path: path, Err: fs.ErrClosed}
	}
	switch {
	case err == nil:
		return os.NewFile(uintptr(fd), path), nil
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM), errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		// A filter that does not know this system call, or bad luck.
		return d.Root.OpenFile(path, flags, perm)
	}
	return nil, &fs.PathError{Op: "openat2", Path: path, Err: err}
}
