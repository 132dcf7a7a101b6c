package cache

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// writeHint says what to do about a directory that can't be made or written.
func writeHint(err error) string {
	if outOfSpace(err) {
		return "free some space on its disk, or choose a cache directory on another one"
	}
	return "choose a cache directory that you can write to"
}

// takeLock locks the directory against other processes, and against a second
// Open in this one, and leaves our process id for them to read.
func (d *directory) takeLock() error {
	f, err := d.root.OpenFile(lockFile, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return &OpenError{Dir: d.path, Err: err, Hint: writeHint(err)}
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return &OpenError{Dir: d.path, Err: err, Hint: "the cache directory must be on a file system with locks"}
		}
		var b [16]byte
		n, _ := f.ReadAt(b[:], 0)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b[:n])))
		return &OpenError{Dir: d.path, Err: ErrLocked, PID: pid, Hint: "unmount the other one first, or choose another cache directory"}
	}
	d.lock = f
	// A full disk must not keep the program from starting: the id is a courtesy.
	// No descriptor stays open for writing, which would block a remount.
	_ = d.root.WriteFile(lockFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	return nil
}

// lay makes the files and directories that are missing, the format file first:
// without it nothing else in the directory counts as ours.
func (d *directory) lay() error {
	for _, file := range []struct{ name, content string }{
		{formatFile, d.format}, {tagFile, tagLine}, {spotlight, ""},
	} {
		if info, err := d.root.Lstat(file.name); err == nil && info.Size() == int64(len(file.content)) {
			continue
		}
		if err := d.writeSynced(file.name, file.content); err != nil {
			return err
		}
	}
	if err := d.root.Mkdir(tempDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// writeSynced writes a small file so that after a power cut it is there whole
// or is of length 0, which counts as missing.
func (d *directory) writeSynced(name, content string) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		return err
	}
	return f.Sync()
}
