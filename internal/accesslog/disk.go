package accesslog

import (
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// faults lets tests fail an operation: it returns how many of size bytes are
// written before err.
type faults func(operation string, size int) (n int, err error)

// disk is where all changes of files are made, so that tests can stop the world
// at each of them.
type disk struct {
	fault  faults
	unsafe bool // tests that kill processes, not machines, need no sync
}

func (d disk) permit(operation string, size int) (int, error) {
	if d.fault == nil {
		return size, nil
	}
	return d.fault(operation, size)
}

// write writes b at an offset.
func (d disk) write(f *os.File, b []byte, at int64) error {
	n, fault := d.permit("write", len(b))
	if _, err := f.WriteAt(b[:n], at); err != nil {
		return err
	}
	return fault
}

func (d disk) sync(f *os.File) error {
	if _, err := d.permit("sync", 0); err != nil {
		return err
	}
	if d.unsafe {
		return nil
	}
	return dataSync(f)
}

func (d disk) truncate(f *os.File, size int64) error {
	if _, err := d.permit("truncate", 0); err != nil {
		return err
	}
	return f.Truncate(size)
}

func (d disk) rename(from, to string) error {
	if _, err := d.permit("rename", 0); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (d disk) remove(path string) error {
	if _, err := d.permit("remove", 0); err != nil {
		return err
	}
	return os.Remove(path)
}

// open opens a file for reading and writing, and makes it if it is missing. It
// follows no link, and refuses what is no file.
func (d disk) open(path string) (*os.File, error) {
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
	return regular(f)
}

// openRead opens a file for reading.
func openRead(path string) (*os.File, error) {
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

// replace gives a file new contents, all or nothing, durably.
func (d disk) replace(path string, b []byte) error {
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	f, err := d.open(temporary)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.write(f, b, 0); err != nil {
		return err
	}
	if err := d.sync(f); err != nil {
		return err
	}
	return d.rename(temporary, path)
}

// syncDir makes names in the directory of path durable.
func (d disk) syncDir(path string) error {
	if _, err := d.permit("sync", 0); err != nil || d.unsafe {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// identity tells files apart, whatever they are called.
type identity struct{ device, inode uint64 }

func identify(f *os.File) (identity, int64, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	return identity{uint64(st.Dev), st.Ino}, st.Size, err
}

// identifyPath returns the zero identity if there is no such file.
func identifyPath(path string) (identity, int64, error) {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	if errors.Is(err, unix.ENOENT) {
		return identity{}, 0, nil
	}
	return identity{uint64(st.Dev), st.Ino}, st.Size, err
}
