package writer

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// tree is the hashes of the records: their file, and the edge in memory, which is
// what adding and the root need.
type tree struct {
	disk logfile.Disk
	log  *slog.Logger

	file     *os.File
	edge     logfile.Frontier
	unstored []byte // hashes that are not in the file yet
	stored   int64  // size of the file, in bytes
}

// add adds the hash of a record that is in the log.
func (t *tree) add(leaf tlog.Hash) {
	t.unstored = logfile.AppendHashes(t.unstored, t.edge.Add(leaf))
}

// reset makes the tree one of n records, whose hashes are in the file.
func (t *tree) reset(edge logfile.Frontier) {
	t.edge, t.unstored, t.stored = edge, t.unstored[:0], tlog.StoredHashCount(edge.N)*logfile.HashSize
}

// reader reads the hashes that are in the file.
func (t *tree) reader() logfile.TreeReader { return logfile.TreeReader{ReaderAt: t.file} }

// store writes the hashes that are not in the file yet. Failing that is
// no failure of the records: they are tried again, and could be computed again.
func (t *tree) store() {
	if len(t.unstored) == 0 {
		return
	}
	if err := t.disk.Write(t.file, t.unstored, t.stored); err != nil {
		t.log.Warn("hashes of the access log can't be written; they are tried again", "error", err)
		return
	}
	t.stored += int64(len(t.unstored))
	t.unstored = t.unstored[:0]
}

// sync makes all hashes durable.
func (t *tree) sync() error {
	t.store()
	if len(t.unstored) > 0 {
		return errors.New("hashes are not written yet")
	}
	return t.disk.Sync(t.file)
}

// continues reports whether the log is one that had n records with this root.
func (t *tree) continues(n int64, root tlog.Hash) error {
	if n > t.edge.N {
		return fmt.Errorf("has %d records, and had %d", t.edge.N, n)
	}
	edge := t.edge
	if n < edge.N {
		t.store()
		var err error
		if edge, err = logfile.ReadFrontier(t.reader(), n); err != nil {
			return err
		}
	}
	if edge.Root() != root {
		return fmt.Errorf("has other records before number %d than it had", n)
	}
	return nil
}

// rebuild computes the tree of a checkpoint again, from the hashes of the records that
// there are. Those of erased and deleted records, which only the file has, are taken from it.
func (t *tree) rebuild(c logfile.Checkpoint, leaves map[int64]tlog.Hash) error {
	var (
		edge   logfile.Frontier
		hashes []byte
	)
	for edge.N < c.Size {
		leaf, ok := leaves[edge.N]
		if !ok {
			var err error
			if leaf, err = t.reader().Leaf(edge.N); err != nil {
				return errors.Join(errDamaged, err)
			}
		}
		hashes = logfile.AppendHashes(hashes, edge.Add(leaf))
	}
	if edge.Root() != c.Root {
		return errDamaged
	}
	if err := t.disk.Write(t.file, hashes, 0); err != nil {
		return err
	}
	t.reset(edge)
	return t.disk.Sync(t.file)
}

var errDamaged = errors.New("has records and a tree file that do not fit its checkpoint")

// take adds the hashes of records that are in no file beside the log: whoever moved
// the current file away has them. It stops before the sequence number before, if
// that is not negative.
func (t *tree) take(before int64) (found []accesslog.Record, err error) {
	_, size, err := logfile.Identify(t.file)
	if err != nil {
		return nil, err
	}
	known := logfile.TreeRecords(size)
	if before >= 0 {
		if known < before {
			return nil, fmt.Errorf("lacks the records %s, and their hashes", logfile.Range(known, before))
		}
		known = before
	}
	from := t.edge.N
	for t.edge.N < known {
		leaf, err := t.reader().Leaf(t.edge.N)
		if err != nil {
			return nil, err
		}
		t.add(leaf)
	}
	if t.edge.N > from {
		found = append(found, gap(accesslog.GapDetail{Reason: "records are not in any file beside the log", Missing: logfile.Range(from, t.edge.N)}))
	}
	return found, nil
}

// cut cuts from the file the hashes of records that are gone: after a power
// cut, hashes may be on the disk whose records are not.
func (t *tree) cut() (found []accesslog.Record) {
	_, size, err := logfile.Identify(t.file)
	if known := logfile.TreeRecords(size); err == nil && known > t.edge.N {
		found = append(found, gap(accesslog.GapDetail{Reason: "the tree knows records that are gone", Lost: uint64(known - t.edge.N)}))
	}
	if want := t.stored + int64(len(t.unstored)); err == nil && size > want {
		if err := t.disk.Truncate(t.file, want); err != nil {
			t.log.Warn("the tree of the access log can't be cut", "error", err)
		}
	}
	return found
}

// owns reports whether a line is of a record of this log, as it was written.
func (t *tree) owns(line []byte) bool {
	n := logfile.SequenceOf(line)
	if n < 0 || n >= t.edge.N {
		return false
	}
	leaf, err := t.reader().Leaf(n)
	return err == nil && leaf == logfile.RecordHash(line)
}

// files returns the paths of the files of this log: those with its names, and of those that
// another program has moved the ones that begin with a record of it.
func (t *tree) files(f logfile.Files) (paths []string, err error) {
	beside, err := f.Beside()
	if err != nil {
		return nil, err
	}
	for _, r := range beside.Rotated {
		paths = append(paths, r.Path)
	}
	for _, path := range beside.Moved {
		if ours, err := t.begins(path); err != nil {
			return nil, err
		} else if ours {
			paths = append(paths, path)
		}
	}
	return append(paths, f.Base), nil
}

// begins reports whether the first record of a file that is not erased is one of this
// log's.
func (t *tree) begins(path string) (ours bool, err error) {
	f, err := logfile.OpenRead(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	_, _, err = logfile.ReadLines(f, 0, func(line []byte, _ int64) error {
		if _, erased := logfile.ParseStub(line); erased {
			return nil
		}
		ours = t.owns(line)
		return errDecided
	})
	if errors.Is(err, errDecided) {
		err = nil
	}
	return ours, err
}

var errDecided = errors.New("that was enough")

// wrote returns why a file is not one of this log's, as it was written: the records
// follow each other and are all in the tree. Nothing tells whose a file without a
// record is, when all are erased: named says that it has a name of this log's.
func (t *tree) wrote(path string, named bool) error {
	f, err := logfile.OpenRead(path)
	if err != nil {
		return err
	}
	defer f.Close()
	next := int64(-1)
	_, torn, err := logfile.ReadLines(f, 0, func(line []byte, _ int64) error {
		n := logfile.SequenceOf(line)
		if _, erased := logfile.ParseStub(line); n < 0 || next >= 0 && n != next || !erased && !t.owns(line) {
			return errors.New("it has lines that are no records of this log")
		} else if !erased {
			named = true
		}
		next = n + 1
		return nil
	})
	if err == nil && (!named || next < 0 || torn > 0) {
		err = errors.New("it is not known whose records it had")
	}
	return err
}

// close forgets what is open.
func (t *tree) close() error {
	if t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.file = nil
	return err
}
