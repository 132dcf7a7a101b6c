package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"

	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// snapshot is a log at one moment: its files, open, and how long they were then. It
// is taken with the log's lock, and read without.
type snapshot struct {
	logfile.Files
	records    []snapshotFile // in the order of their records
	tree       *os.File       // nil: missing
	treeSize   int64
	checkpoint []byte // nil: missing
	skipped    []string
	compressed []string // paths of files that were not looked at
	unread     []unreadFile
	open       []io.Closer
}

// unreadFile has the name of a file of records, and could not be opened.
type unreadFile struct {
	path  string
	err   error
	moved bool // by another program: whether it has records of the log is not known
}

type snapshotFile struct {
	path    string
	file    *os.File
	size    int64
	first   int64 // sequence number of its first line, or -1
	named   int64 // sequence number in its name, or -1
	current bool
	moved   bool // by another program
}

// takeSnapshot opens the files of a log. The caller closes it. Nothing is written.
func takeSnapshot(f logfile.Files) (*snapshot, error) {
	s := &snapshot{Files: f}
	if err := s.take(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *snapshot) take() error {
	unlock, err := s.LockForReading()
	if err != nil {
		return err
	}
	defer unlock()
	if s.checkpoint, err = logfile.ReadSmall(s.Files.Checkpoint()); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	if s.tree, err = logfile.OpenRead(s.Files.Tree()); err == nil {
		s.open = append(s.open, s.tree)
		_, s.treeSize, err = logfile.Identify(s.tree)
	} else if errors.Is(err, iofs.ErrNotExist) {
		s.tree, err = nil, nil
	}
	if err != nil {
		return err
	}
	return s.openRecords()
}

// absent reports whether there is nothing of a log.
func (s *snapshot) absent() bool { return s.bare() && len(s.records)+len(s.unread) == 0 }

func (s *snapshot) openRecords() error {
	beside, err := s.Beside()
	if err != nil {
		return err
	}
	s.compressed = beside.Compressed
	for _, r := range beside.Rotated {
		s.add(snapshotFile{path: r.Path, named: r.First})
	}
	s.add(snapshotFile{path: s.Base, named: -1, current: true})
	own := len(s.records)
	for _, path := range beside.Moved {
		if s.lacks(path, s.records[:own]) {
			s.add(snapshotFile{path: path, named: -1, moved: true})
		} else {
			s.skipped = append(s.skipped, filepath.Base(path))
		}
	}
	slices.SortStableFunc(s.records, func(a, b snapshotFile) int { return cmp.Compare(a.place(), b.place()) })
	return nil
}

// place sorts files by their name, the current one last; those that were moved by
// their first line.
func (f snapshotFile) place() int64 {
	switch {
	case f.current:
		return 1 << 62
	case f.named >= 0:
		return f.named
	}
	return f.first
}

// lacks reports whether a file that was moved away has records that no other has, or may
// have some because it can't be read.
func (s *snapshot) lacks(path string, others []snapshotFile) bool {
	first, last, err := logfile.SpanOf(path)
	if err != nil {
		return true
	}
	if first < 0 || last < first {
		return false
	}
	return !slices.ContainsFunc(others, func(o snapshotFile) bool {
		from, to, err := logfile.SpanOf(o.path)
		return err == nil && from >= 0 && first <= to && from <= last
	})
}

// add opens a file of records. One that can't be opened keeps nobody from the others.
func (s *snapshot) add(f snapshotFile) {
	err := s.openFile(&f)
	switch {
	case err == nil:
		s.records = append(s.records, f)
	case !errors.Is(err, iofs.ErrNotExist):
		s.unread = append(s.unread, unreadFile{f.path, withoutPath(err), f.moved})
	}
}

func (s *snapshot) openFile(f *snapshotFile) (err error) {
	if f.file, err = logfile.OpenRead(f.path); err != nil {
		return err
	}
	s.open = append(s.open, f.file)
	if _, f.size, err = logfile.Identify(f.file); err != nil {
		return err
	}
	f.first, err = logfile.FirstSequence(f.path)
	return err
}

// withoutPath drops the path that the message already has.
func withoutPath(err error) error {
	var p *iofs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// unreadError is of a log that could not be read whole, or nil.
func (s *snapshot) unreadError() error {
	if len(s.unread) == 0 {
		return nil
	}
	names := make([]string, len(s.unread))
	for i, u := range s.unread {
		names[i] = fmt.Sprintf("%s (%v)", filepath.Base(u.path), u.err)
	}
	return &accesslog.Error{Path: s.Base, Err: errors.New("was not read whole: not " + strings.Join(names, ", ")),
		Hint: "what has the name of a file of its records must be one: move everything else away"}
}

// each calls f with every whole line of a file and its number from 1, and returns
// how many bytes follow the last.
func (f snapshotFile) each(call func(line []byte, number int) error) (torn int64, err error) {
	number := 0
	_, torn, err = logfile.ReadLines(io.NewSectionReader(f.file, 0, f.size), 0, func(line []byte, _ int64) error {
		number++
		return call(line, number)
	})
	if err != nil {
		err = fmt.Errorf("%s: line %d: %w", f.path, number+1, err)
	}
	return torn, err
}

// bare reports whether there is nothing that tells whether the records are those of a
// log. A log is begun with its checkpoint.
func (s *snapshot) bare() bool { return s.checkpoint == nil && s.tree == nil }

// Close closes the files.
func (s *snapshot) Close() error {
	var errs error
	for _, f := range s.open {
		errs = errors.Join(errs, f.Close())
	}
	return errs
}
