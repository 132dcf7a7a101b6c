package sessionlist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"veriffs/veriff"
)

// lockRetry is the pause between two tries to lock a file.
const lockRetry = 5 * time.Millisecond

// File edits a sessions file. Goroutines and processes may use it at the same
// time: they exclude each other by a lock (flock) on the file itself, taken
// again if the file was replaced meanwhile. There is no separate lock file. A
// symbolic link stays one; the file it leads to is edited.
//
// A File remembers the ids it saw, 16 bytes each, so that adding one to a large
// file costs no more than the write.
type File struct {
	name string

	turn  chan struct{}      // holds one token; whoever took it may use the fields below
	state os.FileInfo        // of the file when it was last read or written; nil: read it
	ids   []veriff.SessionID // in it, sorted
	form  form
}

// NewFile returns the editor of the file of that name, which need not exist.
func NewFile(name string) *File {
	f := &File{name: name, turn: make(chan struct{}, 1)}
	f.turn <- struct{}{}
	return f
}

// Name returns the name given to NewFile.
func (f *File) Name() string { return f.name }

// refresh reads the file again if it has changed, and reports whether it did.
func (f *File) refresh(file *os.File) (reread bool, err error) {
	info, err := file.Stat()
	if err != nil {
		return false, f.wrap("read", err)
	}
	if f.state != nil && sameState(f.state, info) {
		return false, nil
	}
	f.state, f.ids = nil, nil
	p := parser{in: newLines(file, maxLine), found: func(e entry) { f.ids = append(f.ids, e.id) }}
	if err := p.run(); err != nil {
		return false, f.wrap("read", err)
	}
	f.ids = slices.Clip(sorted(f.ids))
	f.state = info
	f.form = form{document: p.documents > 0, crlf: p.in.crlf, newline: p.in.newline || p.in.num == 0, wide: p.in.wide}
	switch {
	case p.table != nil && p.table.column >= 0:
		f.form.table = p.table
	case p.plain == 0 && p.objects > 0 && !p.cut:
		f.form.json = true
	}
	return true, nil
}

func (f *File) has(id veriff.SessionID) bool {
	_, ok := slices.BinarySearchFunc(f.ids, id, veriff.SessionID.Compare)
	return ok
}

// locked calls edit with the file that the name leads to, open and locked. A
// missing file is created if create is set; otherwise edit is not called.
func (f *File) locked(ctx context.Context, create bool, edit func(target string, file *os.File) error) error {
	select {
	case <-f.turn:
		defer func() { f.turn <- struct{}{} }()
	case <-ctx.Done():
		return f.wrap("lock", ctx.Err())
	}
	if f.name == Stdin {
		return errors.New("sessionlist: standard input can't be edited")
	}
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
	}
	for {
		target, _, err := follow(f.name)
		if err != nil {
			return err
		}
		if create {
			if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
				return f.wrap("create", err)
			}
		} else if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
			return f.wrap("edit", errNotRegular) // before a device is opened for writing
		}
		lock := flock.New(target, flock.SetFlag(flag), flock.SetPermissions(0o600))
		if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
			return f.wrap("lock", err)
		}
		done, err := f.underLock(lock, target, edit)
		lock.Unlock()
		if done || err != nil {
			return err
		}
	}
}

// underLock calls edit unless the name led to another file by the time the lock
// was taken.
func (f *File) underLock(lock *flock.Flock, target string, edit func(string, *os.File) error) (done bool, err error) {
	file, info, err := openRegular(target, os.O_RDWR|os.O_APPEND)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	held, err := lock.Stat()
	if err != nil {
		return false, f.wrap("lock", err)
	}
	if !os.SameFile(held, info) {
		return false, nil
	}
	return true, edit(target, file)
}

// isAt reports whether the name still leads to the open file.
func (f *File) isAt(file *os.File) bool {
	is, err := file.Stat()
	if err != nil {
		return false
	}
	at, err := os.Stat(f.name)
	return err == nil && os.SameFile(is, at)
}

func (f *File) wrap(what string, err error) error {
	return fmt.Errorf("sessionlist: %s %s: %w", what, f.name, err)
}
