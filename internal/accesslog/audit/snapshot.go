package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"veriffs/internal/accesslog/logfile"

	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
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
	open       []io.Closer
}

type snapshotFile struct {
	path    string
	file    *os.File
	size    int64
	first   int64 // sequence number of its first line, or -1
	named   int64 // sequence number in its name, or -1
	current bool
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
	if err := s.openRecords(); err != nil {
		return err
	}
	if s.checkpoint == nil && s.tree == nil && len(s.records) == 0 {
		return iofs.ErrNotExist
	}
	return nil
}

func (s *snapshot) openRecords() error {
	rotated, err := s.RotatedFiles()
	if err != nil {
		return err
	}
	moved, err := s.MovedFiles()
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	for _, r := range rotated {
		if err := s.add(snapshotFile{path: r.Path, named: r.First}); err != nil {
			return err
		}
	}
	if err := s.add(snapshotFile{path: s.Base, named: -1, current: true}); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	own := len(s.records)
	for _, path := range moved {
		if !s.lacks(path, s.records[:own]) {
			s.skipped = append(s.skipped, filepath.Base(path))
			continue
		}
		if err := s.add(snapshotFile{path: path, named: -1}); err != nil {
			return err
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

// lacks reports whether a file that was moved away has records that no other has.
func (s *snapshot) lacks(path string, others []snapshotFile) bool {
	first, last, err := logfile.SpanOf(path)
	if err != nil || first < 0 || last < first {
		return false
	}
	return !slices.ContainsFunc(others, func(o snapshotFile) bool {
		from, to, err := logfile.SpanOf(o.path)
		return err == nil && from >= 0 && first <= to && from <= last
	})
}

func (s *snapshot) add(f snapshotFile) (err error) {
	if f.file, err = logfile.OpenRead(f.path); err != nil {
		return err
	}
	s.open = append(s.open, f.file)
	if _, f.size, err = logfile.Identify(f.file); err != nil {
		return err
	}
	if f.first, err = logfile.FirstSequence(f.path); err != nil {
		return err
	}
	s.records = append(s.records, f)
	return nil
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
