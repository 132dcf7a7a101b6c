package sessionlist

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/text/encoding"

	"veriffs/veriff"
)

// ErrDocument is returned when an edit would have to change the inside of a JSON
// document.
var ErrDocument = errors.New("it holds an array or a JSON document of several lines: edit it by hand, or use a list, a table or JSON lines")

// form is how ids are added to a file.
type form struct {
	table    *table // nil: no table
	json     bool   // JSON lines
	document bool
	crlf     bool
	newline  bool              // the last line is a whole one, or there is none
	wide     encoding.Encoding // of the file, if it is not UTF-8
}

// errHalf is returned when the last character is incomplete: nothing can follow.
var errHalf = errors.New("its UTF-16 text ends in the middle of a character: save it again, or edit it by hand")

// Add appends the ids that the file does not have yet, in order and in the form
// of the file: lines of a list, rows of a table with the other columns empty, or
// JSON lines. It returns how many were new, once they are on the disk. After an
// error, none may be. Add creates the file and its directory if need be,
// readable by the user alone.
//
// It refuses a JSON document (ErrDocument) and a file that has content but no id
// (ErrNoIDs, ErrNotText).
func (f *File) Add(ctx context.Context, ids []veriff.SessionID) (added int, err error) {
	for moved := true; moved; {
		err = f.locked(ctx, true, func(target string, file *os.File) (err error) {
			if added, err = f.appendNew(target, file, ids); err != nil {
				return err
			}
			// An editor may have renamed the file meanwhile, to write a new one:
			// then the ids went to its backup.
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

// remember notes the ids that were appended, unless somebody wrote without the
// lock.
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
