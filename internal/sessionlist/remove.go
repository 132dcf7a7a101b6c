package sessionlist

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/google/renameio/v2"

	"veriffs/veriff"
)

// errEntangled is returned when removing lines would change what the others mean.
var errEntangled = errors.New("removing these lines would change how the others are read: edit it by hand")

// Remove removes the lines that name the ids, and returns how many of the ids
// were in the file. Every other byte stays as it is. The file is replaced as a
// whole, keeping its permissions and, if allowed, its owner; it is on the disk
// when Remove returns. After an error nothing was changed, or the change may not
// be on the disk.
//
// It refuses to remove a part of a JSON document (ErrDocument).
func (f *File) Remove(ctx context.Context, ids []veriff.SessionID) (removed int, err error) {
	unwanted := sorted(slices.Clone(ids))
	err = f.locked(ctx, false, func(target string, file *os.File) error {
		removed, err = f.cutOut(target, file, unwanted)
		return err
	})
	return removed, err
}

// span is a range of bytes to remove.
type span struct{ start, end int64 }

func (f *File) cutOut(target string, file *os.File, unwanted []veriff.SessionID) (int, error) {
	var before, gone []veriff.SessionID
	var cuts []span
	fixed := false
	p := parser{in: newLines(file, maxLine), found: func(e entry) {
		if _, hit := slices.BinarySearchFunc(unwanted, e.id, veriff.SessionID.Compare); !hit {
			before = append(before, e.id)
			return
		}
		gone = append(gone, e.id)
		cuts = append(cuts, span{e.start, e.end})
		fixed = fixed || !e.alone
	}}
	if err := p.run(); err != nil {
		return 0, f.wrap("read", err)
	}
	switch {
	case len(cuts) == 0:
		return 0, nil
	case fixed:
		return 0, f.wrap("remove", ErrDocument)
	}
	next, err := renameio.NewPendingFile(target, renameio.WithTempDir(filepath.Dir(target)), renameio.WithExistingPermissions())
	if err != nil {
		return 0, f.wrap("remove", err)
	}
	defer next.Cleanup()
	if err := copyWithout(next.File, file, cuts); err != nil {
		return 0, f.wrap("remove", err)
	}
	// A line's meaning can depend on those before it, so the result is read and
	// compared before it replaces the file.
	if _, err := next.Seek(0, io.SeekStart); err != nil {
		return 0, f.wrap("remove", err)
	}
	after, err := Read(next, nil)
	if err != nil && !(errors.Is(err, ErrNoIDs) && len(before) == 0) {
		return 0, f.wrap("remove", err)
	}
	if !slices.Equal(after, sorted(before)) {
		return 0, f.wrap("remove", errEntangled)
	}
	keepOwner(next.File, file)
	f.state = nil
	if err := next.CloseAtomicallyReplace(); err != nil {
		return 0, f.wrap("remove", err)
	}
	if err := syncDir(filepath.Dir(target)); err != nil {
		return 0, f.wrap("remove", err)
	}
	return len(sorted(gone)), nil
}

// copyWithout copies a file without the spans, which are in order.
func copyWithout(to io.Writer, from io.ReaderAt, cuts []span) error {
	w := bufio.NewWriterSize(to, 1<<18)
	offset := int64(0)
	for _, cut := range cuts {
		if cut.start > offset {
			if _, err := io.Copy(w, io.NewSectionReader(from, offset, cut.start-offset)); err != nil {
				return err
			}
		}
		offset = max(offset, cut.end)
	}
	if _, err := io.Copy(w, io.NewSectionReader(from, offset, 1<<62-offset)); err != nil {
		return err
	}
	return w.Flush()
}

// keepOwner gives the new file the owner and the group of the old one, as far as
// the user may. Only root can give a file away; for others it becomes their own.
func keepOwner(to, from *os.File) {
	info, err := from.Stat()
	if err != nil {
		return
	}
	if old, ok := info.Sys().(*syscall.Stat_t); ok {
		if to.Chown(int(old.Uid), int(old.Gid)) != nil {
			_ = to.Chown(-1, int(old.Gid))
		}
	}
}
