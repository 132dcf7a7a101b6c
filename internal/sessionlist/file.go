package sessionlist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/text/encoding"

	"veriffs/veriff"
)

// ErrDocument is returned when ids would have to be added to, or removed
// from, the inside of a JSON document, which is not done.
var ErrDocument = errors.New("it holds a JSON document of several lines or an array; use a list, a table or JSON lines, or edit it by hand")

// lockRetry is the pause between two tries to lock a file.
const lockRetry = 5 * time.Millisecond

// File edits a sessions file. Its methods may be called from several
// goroutines and processes. They exclude each other by a lock (flock) on the
// file itself, which is taken anew if the file was replaced meanwhile; no
// further file is left beside it. If the name is a symbolic link, the file it
// leads to is edited and the link stays.
//
// A File remembers the ids it saw, 16 bytes each, so that adding one to a
// large file costs the write alone.
type File struct {
	name string

	turn  chan struct{}      // holds one token; who took it may use what follows
	state os.FileInfo        // of the file when it was last read or written; nil: read it
	ids   []veriff.SessionID // in it, sorted
	form  form
}

// form is how ids are added to a file.
type form struct {
	table    *table // nil: no table
	json     bool   // JSON lines
	document bool
	crlf     bool
	newline  bool              // the last line is a whole one, or there is none
	wide     encoding.Encoding // of the file, if it is not UTF-8
}

// errHalf is returned when something would have to be added after half of a
// character.
var errHalf = errors.New("its UTF-16 text ends within a character; save it again, or edit it by hand")

// NewFile returns the editor of the file of that name, which need not exist.
func NewFile(name string) *File {
	f := &File{name: name, turn: make(chan struct{}, 1)}
	f.turn <- struct{}{}
	return f
}

// Name returns the name given to NewFile.
func (f *File) Name() string { return f.name }

// Add adds the ids that the file does not have yet, in their order, at its
// end and in its form: lines of a list, rows of a table with the other
// columns empty, or JSON lines. It returns how many were new, once they are
// on the disk. An error means that none may be. The file and its directory
// are created if need be, readable by the user alone.
//
// Nothing is added to a JSON document (ErrDocument) or to a file that has
// content but no id (ErrNoIDs, ErrNotText).
func (f *File) Add(ctx context.Context, ids []veriff.SessionID) (added int, err error) {
	for moved := true; moved; {
		err = f.locked(ctx, true, func(target string, file *os.File) (err error) {
			if added, err = f.appendNew(target, file, ids); err != nil {
				return err
			}
			// An editor that renames the file before it writes a new one may
			// have done so meanwhile: then the ids went to its backup.
			if moved = !f.isAt(file); moved {
				f.state = nil
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return added, nil
}

// appendNew adds the ids to the locked file.
func (f *File) appendNew(target string, file *os.File, ids []veriff.SessionID) (int, error) {
	reread, err := f.refresh(file)
	if err != nil {
		return 0, err
	}
	var fresh []veriff.SessionID
	var text bytes.Buffer
	if !f.form.newline {
		text.WriteByte('\n')
	}
	seen := make(map[veriff.SessionID]bool, len(ids))
	for _, id := range ids {
		if !seen[id] && !f.has(id) {
			seen[id] = true
			fresh = append(fresh, id)
			f.form.write(&text, id)
		}
	}
	switch {
	case len(fresh) > 0 && f.form.document:
		return 0, f.wrap("add", ErrDocument)
	case len(fresh) > 0 && f.form.wide != nil && f.state.Size()%2 != 0:
		return 0, f.wrap("add", errHalf)
	case len(fresh) > 0:
		size := f.state.Size()
		rows, err := f.form.encode(text.Bytes())
		if err != nil {
			return 0, f.wrap("add", err)
		}
		_, err = file.Write(rows)
		if err == nil {
			err = file.Sync()
		}
		if err != nil {
			f.state = nil
			// Half of the lines should not stay, if the disk allows that much.
			if info, statErr := file.Stat(); statErr == nil && info.Size() <= size+int64(len(rows)) {
				_ = file.Truncate(size)
			}
			return 0, f.wrap("add", err)
		}
		f.remember(file, size+int64(len(rows)), fresh)
	case reread:
		// What another process wrote may not be on the disk yet.
		if err := file.Sync(); err != nil {
			f.state = nil
			return 0, f.wrap("add", err)
		}
	}
	if reread {
		if err := syncDir(filepath.Dir(target)); err != nil {
			f.state = nil
			return 0, f.wrap("add", err)
		}
	}
	return len(fresh), nil
}

// refresh reads the file unless it is as this File last saw it, and reports
// whether it did.
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

// remember takes note of ids that were appended, unless somebody who does not
// lock has written too.
func (f *File) remember(file *os.File, size int64, fresh []veriff.SessionID) {
	info, err := file.Stat()
	if err != nil || info.Size() != size {
		f.state = nil
		return
	}
	f.state, f.form.newline = info, true
	if len(fresh) > 64 {
		f.ids = sorted(append(f.ids, fresh...))
		return
	}
	for _, id := range fresh {
		i, _ := slices.BinarySearchFunc(f.ids, id, veriff.SessionID.Compare)
		f.ids = slices.Insert(f.ids, i, id)
	}
}

func (f *File) has(id veriff.SessionID) bool {
	_, ok := slices.BinarySearchFunc(f.ids, id, veriff.SessionID.Compare)
	return ok
}

// write appends the line that names one session.
func (f form) write(b *bytes.Buffer, id veriff.SessionID) {
	switch {
	case f.table != nil:
		b.WriteString(strings.Repeat(string(f.table.delim), f.table.column))
		b.WriteString(id.String())
		b.WriteString(strings.Repeat(string(f.table.delim), max(0, f.table.width-1-f.table.column)))
	case f.json:
		b.WriteString(`{"id":"` + id.String() + `"}`)
	default:
		b.WriteString(id.String())
	}
	if f.crlf {
		b.WriteByte('\r')
	}
	b.WriteByte('\n')
}

// encode returns the text as the file has it.
func (f form) encode(text []byte) ([]byte, error) {
	if f.wide == nil {
		return text, nil
	}
	return f.wide.NewEncoder().Bytes(text)
}

// locked calls edit with the file that the name leads to, open and locked. If
// it does not exist it is created, or edit is not called.
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

// underLock calls edit unless the name led to another file by the time that
// the lock was taken.
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

func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
