package directory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Directory is a cache's directory, open and locked. Paths are relative to it.
type Directory struct {
	*os.Root
	path   string
	format string   // the contents of the format file
	self   *os.File // the same directory as Root
	lock   *os.File
	made   time.Time
	block  int64 // what the file system rounds files up to, bytes
	temps  atomic.Int64
}

// Open makes or opens the directory at path for a cache with a secret, or with
// an ephemeral key, and locks it. It fails with an *OpenError.
func Open(path string, ephemeral bool) (_ *Directory, err error) {
	d := &Directory{path: path, format: formatLine}
	if ephemeral {
		d.format = ephemeralLine
	}
	if abs, err := filepath.Abs(path); err == nil {
		d.path = abs
	} else {
		return nil, d.refuse("", err, "")
	}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if err := d.open(); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if err := d.takeLock(); err != nil {
		return nil, err
	}
	if err := d.Lay(); err != nil {
		return nil, d.refuse("", err, writeHint(err))
	}
	if err := d.emptyTemp(); err != nil {
		return nil, d.refuse(TempDir, err, "")
	}
	if d.block = int64(d.statfs().Bsize); d.block < 4096 || d.block > 1<<20 {
		d.block = 4096
	}
	if info, err := d.Stat(formatFile); err == nil {
		d.made = info.ModTime()
	}
	excludeFromBackup(d.path)
	return d, nil
}

// Inspect opens the directory at path to look at it: it makes nothing, and does not
// take the lock, so a mount may use it at the same time. It refuses what Open refuses,
// with an *OpenError, and a directory that is missing with fs.ErrNotExist.
func Inspect(path string, ephemeral bool) (_ *Directory, err error) {
	if _, err := os.Lstat(path); err != nil {
		return nil, err
	}
	d := &Directory{path: path, format: formatLine}
	if ephemeral {
		d.format = ephemeralLine
	}
	if err = d.open(); err == nil {
		err = d.check()
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// open opens the directory itself, made if it is missing, and makes sure that
// it is ours alone.
func (d *Directory) open() error {
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		return d.refuse("", err, writeHint(err))
	}
	if err := os.Mkdir(d.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return d.refuse("", err, writeHint(err))
	}
	before, err := os.Lstat(d.path)
	if err != nil {
		return d.refuse("", err, "")
	}
	if !before.IsDir() {
		return d.refuse("", ErrSymlink, "name the real directory as the cache directory")
	}
	if d.Root, err = os.OpenRoot(d.path); err != nil {
		return d.refuse("", err, "")
	}
	if d.self, err = d.Root.Open("."); err != nil {
		return d.refuse("", err, "")
	}
	// What was opened counts, not what the path leads to now.
	info, err := d.Stat(".")
	if err != nil {
		return d.refuse("", err, "")
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !os.SameFile(before, info):
		return d.refuse("", ErrSymlink, "the directory was replaced while it was being opened")
	case !ok || int(st.Uid) != os.Geteuid():
		return d.refuse("", ErrOwner, "run as its owner, or choose another cache directory")
	case info.Mode().Perm()&0o077 != 0:
		return d.refuse("", ErrPermissions, "chmod 700 "+d.path+", if nobody else could have changed it")
	}
	return nil
}

// with calls f with the descriptor of the directory, which stays open meanwhile.
func (d *Directory) with(f func(self int) error) error {
	conn, err := d.self.SyscallConn()
	if err != nil {
		return err
	}
	if closed := conn.Control(func(self uintptr) { err = f(int(self)) }); closed != nil {
		return fs.ErrClosed
	}
	return err
}

// Path is the absolute path of the directory.
func (d *Directory) Path() string { return d.path }

// Made is when the cache was made.
func (d *Directory) Made() time.Time { return d.made }

// Replaced reports whether the path no longer leads to the open directory. An
// error means that this can't be known.
func (d *Directory) Replaced() (bool, error) {
	at, err := os.Lstat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	is, err := d.Stat(".")
	return err != nil || !os.SameFile(at, is), nil
}

// Sync makes what was removed from the directory rel stay removed after a
// power cut.
func (d *Directory) Sync(rel string) error {
	f, err := d.Open(rel)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// SyncAll makes everything in the directory last through a power cut, and what
// else is on its file system.
func (d *Directory) SyncAll() error { return syncFS(d.self) }

// Close unlocks the directory. Files that are open stay open.
func (d *Directory) Close() error {
	var err error
	if d.lock != nil {
		// Closing alone leaves it to a child that was forked and has not run its
		// program yet: another Open at that moment would be refused.
		_ = unix.Flock(int(d.lock.Fd()), unix.LOCK_UN)
	}
	for _, f := range []*os.File{d.lock, d.self} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if d.Root != nil {
		err = errors.Join(err, d.Root.Close())
	}
	return err
}
