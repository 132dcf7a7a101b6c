package writer

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"

	iofs "io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// readCheckpoint returns the last checkpoint, after checking that this
// installation's key signed it.
func (s *store) readCheckpoint() ([]byte, logfile.Checkpoint, error) {
	text, err := logfile.ReadSmall(s.Files.Checkpoint())
	if err != nil {
		return nil, logfile.Checkpoint{}, err
	}
	origin, err := logfile.OriginOf(text)
	if err == nil {
		var c logfile.Checkpoint
		if c, err = logfile.ParseCheckpoint(text, s.options.Key.VerifierKey(origin)); err == nil {
			return text, c, nil
		}
	}
	return nil, logfile.Checkpoint{}, fmt.Errorf("its checkpoint %s %w", s.Files.Checkpoint(), err)
}

// awaitSigned waits until a checkpoint covers the records that are on the disk, if a
// mount is up that may have written them: it signs within checkpointEvery. What is
// unsigned after that, or when no mount is up, nobody stands for.
func (s *store) awaitSigned() {
	_, last, err := logfile.SpanOf(s.Base)
	if err != nil || last < 0 || s.covers(last) {
		return
	}
	var peek mounts
	if peek.read(s.Base) != nil || !peek.someRun() {
		return
	}
	for deadline := time.Now().Add(2 * checkpointEvery); !s.covers(last) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
}

// covers reports whether the last checkpoint covers a record. One that can't be read
// is for others to complain of.
func (s *store) covers(sequence int64) bool {
	_, c, err := s.readCheckpoint()
	return err != nil || c.Size > sequence
}

// load reads the log from the disk. It trusts what the last checkpoint covers,
// without reading it again, and takes up the records that follow.
func (s *store) load() (found []accesslog.Record, err error) {
	s.close()
	s.mounts.forget()
	text, c, err := s.readCheckpoint()
	if errors.Is(err, iofs.ErrNotExist) {
		if _, size, err := logfile.IdentifyPath(s.Base); err != nil || size > 0 {
			return nil, errors.Join(err, errors.New("has records, but its checkpoint is missing"))
		}
		if s.edge.N > 0 { // this process had it open
			return nil, fmt.Errorf("is gone, and had %d records: its directory was emptied or replaced", s.edge.N)
		}
		return s.create()
	}
	if err != nil {
		return nil, err
	}
	s.origin, s.signedText, s.signed = c.Origin, text, c.Size
	if s.signer, err = s.options.Key.Signer(c.Origin); err != nil {
		return nil, err
	}
	if s.tree.file, err = s.disk.Open(s.Files.Tree()); err != nil {
		return nil, err
	}
	edge, err := logfile.ReadFrontier(s.tree.reader(), c.Size)
	if err == nil && edge.Root() == c.Root {
		s.tree.reset(edge)
	} else {
		leaves, err := s.leaves(c.Size)
		if err == nil {
			err = s.tree.rebuild(c, leaves)
		}
		if err != nil {
			return nil, err
		}
		found = append(found, gap(accesslog.GapDetail{Reason: "the tree file was damaged, and computed again from the records"}))
	}
	more, err := s.loadTail()
	if err != nil {
		return nil, err
	}
	return append(found, more...), s.checkRemembered()
}

// create begins a log.
func (s *store) create() ([]accesslog.Record, error) {
	if _, size, err := logfile.IdentifyPath(s.Files.Tree()); err != nil || size > 0 {
		return nil, errors.Join(err, errors.New("has a tree, but its checkpoint is missing"))
	}
	id := make([]byte, 8)
	rand.Read(id)
	s.origin = "veriffs/" + hex.EncodeToString(id)
	var err error
	if s.signer, err = s.options.Key.Signer(s.origin); err != nil {
		return nil, err
	}
	if s.tree.file, err = s.disk.Open(s.Files.Tree()); err != nil {
		return nil, err
	}
	s.tree.reset(logfile.Frontier{})
	s.signed = 0
	// The checkpoint of nothing is what says that the log exists.
	if err := s.writeCheckpoint(s.options.Now()); err != nil {
		return nil, err
	}
	return s.replaced(), s.beginFile()
}

func gap(d accesslog.GapDetail) accesslog.Record {
	return accesslog.Record{Operation: accesslog.OpLogGap, Outcome: accesslog.Failed, Detail: accesslog.Detail(d)}
}

// loadTail takes up the records after those in s.edge, wherever they are.
func (s *store) loadTail() (found []accesslog.Record, err error) {
	id, size, err := logfile.IdentifyPath(s.Base)
	if err != nil {
		return nil, err
	}
	missing := id == logfile.Identity{}
	first := int64(-1)
	if size > 0 {
		if first, err = logfile.FirstSequence(s.Base); err != nil {
			return nil, err
		}
	}
	// Records before the current file's, if the last checkpoint does not cover them.
	if missing || first < 0 || first > s.edge.N {
		if err := s.readRotated(first); err != nil {
			return nil, err
		}
		if first > s.edge.N || missing {
			known, err := s.tree.take(first)
			if err != nil {
				return nil, err
			}
			found = append(found, known...)
		}
	}
	if s.current, err = s.disk.Open(s.Base); err != nil {
		return nil, err
	}
	if s.currentID, _, err = logfile.Identify(s.current); err != nil {
		return nil, err
	}
	if missing {
		if err := s.disk.SyncDir(s.Base); err != nil {
			return nil, err
		}
	}
	s.first, s.end, s.currentRows, s.began = max(first, 0), 0, 0, time.Time{}
	if first < 0 {
		s.first = s.edge.N
	}
	more, err := s.readOn(0)
	if err != nil {
		return nil, err
	}
	found = append(found, more...)
	if s.currentRows > 0 && s.first+s.currentRows < s.edge.N {
		// Records that were signed are gone from the end. What is left is evidence.
		found = append(found, gap(accesslog.GapDetail{Reason: "records that a checkpoint covers are gone from the end of the file",
			Missing: logfile.Range(s.first+s.currentRows, s.edge.N)}))
		if err := s.rotate(s.options.Now()); err != nil {
			return nil, err
		}
	}
	return append(found, s.tree.cut()...), nil
}

// readRotated takes up records from rotated and moved files that are beyond s.edge
// and before the sequence number before, if that is not negative.
func (s *store) readRotated(before int64) error {
	beside, err := s.Beside()
	if err != nil {
		return err
	}
	paths := beside.Old()
	for progress := true; progress && (before < 0 || s.edge.N < before); {
		progress = false
		for i, path := range paths {
			first, last, err := logfile.SpanOf(path)
			// The last one before the edge knows which mounts are up.
			if err != nil || first < 0 || first > s.edge.N || last < s.edge.N-1 {
				continue
			}
			n := s.edge.N
			if err := s.takeUp(path, before); err != nil {
				return err
			}
			paths = append(paths[:i:i], paths[i+1:]...)
			progress = s.edge.N > n
			break
		}
	}
	return nil
}

// takeUp adds the records of a file that are next.
func (s *store) takeUp(path string, before int64) error {
	f, err := logfile.OpenRead(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, _, err = logfile.ReadLines(f, 0, func(line []byte, _ int64) error {
		if n := logfile.SequenceOf(line); n == s.edge.N && (before < 0 || n < before) {
			s.tree.add(logfile.RecordHash(line))
		}
		s.noteLine(line)
		return nil
	})
	return err
}

// readOn reads lines of the current file from an offset, takes up those that are
// new, and cuts off what is no record: the last write of a process that was killed.
func (s *store) readOn(from int64) (found []accesslog.Record, err error) {
	errBad := errors.New("not a record")
	end, torn, err := logfile.ReadLines(io.NewSectionReader(s.current, from, 1<<62), from, func(line []byte, _ int64) error {
		want := s.first + s.currentRows
		if want >= s.edge.N {
			if logfile.SequenceOf(line) != s.edge.N {
				return errBad
			}
			s.tree.add(logfile.RecordHash(line))
		}
		s.currentRows++
		if s.began.IsZero() { // an erased record has no time
			if r, err := logfile.ParseRecord(line); err == nil {
				s.began = r.Time
			}
		}
		s.noteLine(line)
		return nil
	})
	if err != nil && !errors.Is(err, errBad) && !errors.Is(err, logfile.ErrLongLine) {
		return nil, err
	}
	s.end = end
	if err == nil && torn == 0 {
		return nil, nil
	}
	if err == nil { // a write that was cut off
		cut := accesslog.GapDetail{Reason: "the last write was cut off, and was no whole record"}
		sum := sha256.New()
		if cut.Bytes, err = io.Copy(sum, io.NewSectionReader(s.current, end, 1<<62)); err != nil {
			return nil, err
		}
		cut.SHA256 = hex.EncodeToString(sum.Sum(nil))
		return []accesslog.Record{gap(cut)}, s.disk.Truncate(s.current, end)
	}
	// No crash of ours leaves this. It stays as it is, for others to judge.
	found = []accesslog.Record{gap(accesslog.GapDetail{Reason: "lines that are no records follow; they are left in the file", Missing: "from " + fmt.Sprint(s.edge.N)})}
	return found, s.rotate(s.options.Now())
}

// leaves returns the hashes of the records below a sequence number that are in files.
func (s *store) leaves(below int64) (map[int64]tlog.Hash, error) {
	leaves := make(map[int64]tlog.Hash)
	beside, err := s.Beside()
	if err != nil {
		return nil, err
	}
	for _, path := range append(beside.Old(), s.Base) {
		f, err := logfile.OpenRead(path)
		if err != nil {
			continue // what is missing shows when the tree is computed
		}
		_, _, err = logfile.ReadLines(f, 0, func(line []byte, _ int64) error {
			n := logfile.SequenceOf(line)
			if _, erased := logfile.ParseStub(line); n >= 0 && n < below && !erased {
				leaves[n] = logfile.RecordHash(line)
			}
			return nil
		})
		f.Close()
		if err != nil {
			return nil, errors.Join(errDamaged, err)
		}
	}
	return leaves, nil
}
