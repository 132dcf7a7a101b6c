package logfile

import (
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Faults lets tests fail an operation: it returns how many of size bytes are
// written before err.
type Faults func(operation string, size int) (n int, err error)

// Disk is where all changes of files are made, so that tests can stop the world
// at each of them.
type Disk struct {
	Fault  Faults
	Unsafe bool // tests that kill processes, not machines, need no sync
}

func (d Disk) permit(operation string, size int) (int, error) {
	if d.Fault == nil {
		return size, nil
	}
	return d.Fault(operation, size)
}

// Write writes b at an offset.
func (d Disk) Write(f *os.File, b []byte, at int64) error {
	n, fault := d.permit("write", len(b))
	if _, err := f.WriteAt(b[:n], at); err != nil {
		return err
	}
	return fault
}

// Sync makes a file's bytes and size durable.
func (d Disk) Sync(f *os.File) error {
	if _, err := d.permit("sync", 0); err != nil {
		return err
	}
	if d.Unsafe {
		return nil
	}
	return dataSync(f)
}

// Truncate sets the size of a file, in bytes.
func (d Disk) Truncate(f *os.File, size int64) error {
	if _, err := d.permit("truncate", 0); err != nil {
		return err
	}
	return f.Truncate(size)
}

// Rename gives a file another name.
func (d Disk) Rename(from, to string) error {
	if _, err := d.permit("rename", 0); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// Remove removes a file.
func (d Disk) Remove(path string) error {
	if _, err := d.permit("remove", 0); err != nil {
		return err
	}
	return os.Remove(path)
}

// ErrForeign is a file of the log that is another user's, who can read and change
// whatever is written to it.
var ErrForeign = errors.New("belongs to another user")

// Open opens a file for reading and writing, and makes it if it is missing. It
// follows no link, and refuses what is no file, or another user's (ErrForeign).
func (d Disk) Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, iofs.ErrNotExist) {
		if _, err := d.permit("create", 0); err != nil {
			return nil, err
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	}
	if err != nil {
		return nil, explainLink(path, err)
	}
	if f, err = regular(f); err != nil {
		return nil, err
	}
	return own(f)
}

// OpenRead opens a file for reading.
func OpenRead(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, explainLink(path, err)
	}
	return regular(f)
}

func explainLink(path string, err error) error {
	if errors.Is(err, unix.ELOOP) {
		return &iofs.PathError{Op: "open", Path: path, Err: errors.New("is a symbolic link")}
	}
	return err
}

func regular(f *os.File) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &iofs.PathError{Op: "open", Path: f.Name(), Err: errors.New("not a regular file")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// own closes a file of another user, such as one who was first in a directory where
// anybody can write.
func own(f *os.File) (*os.File, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	if err == nil && int(st.Uid) != os.Geteuid() {
		err = &iofs.PathError{Op: "open", Path: f.Name(), Err: ErrForeign}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Replace gives a file new contents, all or nothing, durably.
func (d Disk) Replace(path string, b []byte) error {
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	f, err := d.Open(temporary)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.Write(f, b, 0); err != nil {
		return err
	}
	if err := d.Sync(f); err != nil {
		return err
	}
	return d.Rename(temporary, path)
}

// SyncDir makes names in the directory of path durable.
func (d Disk) SyncDir(path string) error {
	if _, err := d.permit("sync", 0); err != nil || d.Unsafe {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Identity tells files apart, whatever they are called.
type Identity struct{ device, inode uint64 }

// Identify returns which file is open, and its size in bytes.
func Identify(f *os.File) (Identity, int64, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	return Identity{uint64(st.Dev), st.Ino}, st.Size, err
}

// IdentifyPath does the same by name. It follows no link, and returns the zero Identity if there is no such file.
func IdentifyPath(path string) (Identity, int64, error) {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	if errors.Is(err, unix.ENOENT) {
		return Identity{}, 0, nil
	}
	return Identity{uint64(st.Dev), st.Ino}, st.Size, err
}

// ReadSmall reads a file that holds no more than a checkpoint.
func ReadSmall(path string) ([]byte, error) {
	f, err := OpenRead(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxCheckpoint))
}
