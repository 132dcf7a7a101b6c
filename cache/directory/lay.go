package directory

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// takeLock locks the directory against other processes, and against a second
// Open in this one, and leaves our process id for them to read.
func (d *Directory) takeLock() error {
	f, err := d.Root.OpenFile(lockFile, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return d.refuse("", err, writeHint(err))
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return d.refuse("", err, "the cache directory must be on a file system with locks")
		}
		var b [16]byte
		n, _ := f.ReadAt(b[:], 0)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b[:n])))
		return &OpenError{Dir: d.path, Err: ErrLocked, PID: pid, Hint: "unmount the other one first, or choose another cache directory"}
	}
	d.lock = f
	// The id is a courtesy: a full disk must not keep the program from starting.
	// No descriptor stays open for writing, which would block a remount.
	_ = d.WriteFile(lockFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	return nil
}

// Lay makes the files and directories that are missing, the format file first:
// without it nothing else in the directory counts as ours.
func (d *Directory) Lay() error {
	for _, file := range []struct{ name, content string }{
		{formatFile, d.format}, {tagFile, tagLine}, {spotlightFile, ""},
	} {
		if info, err := d.Lstat(file.name); err == nil && info.Size() == int64(len(file.content)) {
			continue
		}
		if err := writeSynced(d.Root, file.name, file.content); err != nil {
			return err
		}
	}
	if err := d.Mkdir(TempDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// writeSynced writes a small file. After a power cut it is whole, or it is
// empty, which counts as missing.
func writeSynced(dir *os.Root, name, content string) error {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		return err
	}
	return f.Sync()
}

// MarkHolds makes programs refuse the directory that know nothing of holds. The
// time at which the cache was made stays.
func (d *Directory) MarkHolds() error {
	if d.format == holdLine {
		return nil
	}
	f, temp, err := d.CreateTemp()
	if err != nil {
		return err
	}
	_, err = f.WriteString(holdLine)
	err = errors.Join(err, f.Sync(), f.Close(), d.Chtimes(temp, d.made, d.made))
	if err == nil {
		err = d.Rename(temp, formatFile)
	}
	if err != nil {
		_ = d.Remove(temp) // or the next start does
		return err
	}
	d.format = holdLine
	return d.Sync(".")
}

// emptyTemp removes what a crash left unfinished.
func (d *Directory) emptyTemp() error {
	names, err := d.Names(TempDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := d.Remove(TempDir + "/" + name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// CreateTemp makes a file in TempDir, open for reading and writing, and returns its path.
func (d *Directory) CreateTemp() (*os.File, string, error) {
	rel := TempDir + "/" + strconv.FormatInt(d.temps.Add(1), 10)
	f, err := d.OpenFile(rel, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	return f, rel, err
}
