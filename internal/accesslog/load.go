package accesslog

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// recordHash is the hash of a record in the tree: RFC 6962's of its line.
func recordHash(line []byte) tlog.Hash { return tlog.RecordHash(line) }

func appendHashes(b []byte, hashes []tlog.Hash) []byte {
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// readCheckpoint returns the last checkpoint, after checking that this
// installation's key signed it.
func (s *store) readCheckpoint() ([]byte, Checkpoint, error) {
	text, err := readSmall(s.files.checkpoint())
	if err != nil {
		return nil, Checkpoint{}, err
	}
	origin, err := originOf(text)
	if err == nil {
		var c Checkpoint
		if c, err = parseCheckpoint(text, s.options.Key.VerifierKey(origin)); err == nil {
			return text, c, nil
		}
	}
	return nil, Checkpoint{}, fmt.Errorf("its checkpoint %s %w", s.files.checkpoint(), err)
}

func readSmall(path string) ([]byte, error) {
	f, err := openRead(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxCheckpoint))
}

// load reads the log from the disk. It trusts what the last checkpoint covers,
// without reading it again, and takes up the records that follow.
func (s *store) load() (found []Record, err error) {
	s.close()
	s.up = make(map[string]Mount)
	text, c, err := s.readCheckpoint()
	if errors.Is(err, iofs.ErrNotExist) {
		if _, size, err := identifyPath(s.base); err != nil || size > 0 {
			return nil, errors.Join(err, errors.New("has records, but its checkpoint is missing"))
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
	if s.tree, err = s.disk.open(s.files.tree()); err != nil {
		return nil, err
	}
	s.edge, err = readFrontier(treeReader{s.tree}, c.Size)
	if err != nil || s.edge.root() != c.Root {
		if err := s.rebuild(c); err != nil {
			return nil, err
		}
		found = append(found, gap(lostData{Reason: "the tree file was damaged, and computed again from the records"}))
	}
	s.unstored, s.stored = s.unstored[:0], tlog.StoredHashCount(c.Size)*hashSize
	more, err := s.loadTail()
	if err != nil {
		return nil, err
	}
	return append(found, more...), s.anchor.check(s)
}

// create begins a log.
func (s *store) create() ([]Record, error) {
	if _, size, err := identifyPath(s.files.tree()); err != nil || size > 0 {
		return nil, errors.Join(err, errors.New("has a tree, but its checkpoint is missing"))
	}
	id := make([]byte, 8)
	rand.Read(id)
	s.origin = "veriffs/" + hex.EncodeToString(id)
	var err error
	if s.signer, err = s.options.Key.Signer(s.origin); err != nil {
		return nil, err
	}
	if s.tree, err = s.disk.open(s.files.tree()); err != nil {
		return nil, err
	}
	s.edge, s.unstored, s.stored, s.signed = frontier{}, nil, 0, 0
	// The checkpoint of nothing is what says that the log exists.
	if err := s.writeCheckpoint(s.options.Now()); err != nil {
		return nil, err
	}
	return s.anchor.replaced(s.origin), s.beginFile()
}

// lostData is the detail of a log-gap record.
type lostData struct {
	Reason  string `json:"reason"`
	Lost    uint64 `json:"lost,omitempty"`  // records
	Bytes   int64  `json:"bytes,omitempty"` // that were cut off
	SHA256  string `json:"bytes_sha256,omitempty"`
	Since   string `json:"since,omitempty"`
	Missing string `json:"missing,omitempty"` // sequence numbers that are in no file
	Records string `json:"records,omitempty"` // sequence numbers of others that are meant
}

func gap(d lostData) Record {
	return Record{Operation: OpLogGap, Outcome: Failed, Detail: detail(d)}
}

// loadTail takes up the records after those in s.edge, wherever they are.
func (s *store) loadTail() (found []Record, err error) {
	id, size, err := identifyPath(s.base)
	if err != nil {
		return nil, err
	}
	missing := id == identity{}
	first := int64(-1)
	if size > 0 {
		if first, err = firstSequence(s.base); err != nil {
			return nil, err
		}
	}
	// Records before the current file's, if the last checkpoint does not cover them.
	if missing || first < 0 || first > s.edge.n {
		if err := s.readRotated(first); err != nil {
			return nil, err
		}
		if first > s.edge.n || missing {
			known, err := s.takeFromTree(first)
			if err != nil {
				return nil, err
			}
			found = append(found, known...)
		}
	}
	if s.current, err = s.disk.open(s.base); err != nil {
		return nil, err
	}
	if s.currentID, _, err = identify(s.current); err != nil {
		return nil, err
	}
	if missing {
		if err := s.disk.syncDir(s.base); err != nil {
			return nil, err
		}
	}
	s.first, s.end, s.currentRows = max(first, 0), 0, 0
	if first < 0 {
		s.first = s.edge.n
	}
	more, err := s.readOn(0)
	if err != nil {
		return nil, err
	}
	found = append(found, more...)
	if s.currentRows > 0 && s.first+s.currentRows < s.edge.n {
		// Records that were signed are gone from the end. What is left is evidence.
		found = append(found, gap(lostData{Reason: "records that a checkpoint covers are gone from the end of the file",
			Missing: sequences(s.first+s.currentRows, s.edge.n)}))
		if err := s.rotate(s.options.Now()); err != nil {
			return nil, err
		}
	}
	return append(found, s.cutTree()...), nil
}

// readRotated takes up records from rotated and moved files that are beyond s.edge
// and before the sequence number before, if that is not negative.
func (s *store) readRotated(before int64) error {
	paths, err := s.oldFiles()
	if err != nil {
		return err
	}
	for progress := true; progress && (before < 0 || s.edge.n < before); {
		progress = false
		for i, path := range paths {
			first, last, err := spanOf(path)
			// The last one before the edge knows which mounts are up.
			if err != nil || first < 0 || first > s.edge.n || last < s.edge.n-1 {
				continue
			}
			n := s.edge.n
			if err := s.takeUp(path, before); err != nil {
				return err
			}
			paths = append(paths[:i:i], paths[i+1:]...)
			progress = s.edge.n > n
			break
		}
	}
	return nil
}

// takeUp adds the records of a file that are next.
func (s *store) takeUp(path string, before int64) error {
	f, err := openRead(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, _, err = readLines(f, 0, func(line []byte, _ int64) error {
		if n := sequenceOf(line); n == s.edge.n && (before < 0 || n < before) {
			s.take(line)
		}
		s.noteLine(line)
		return nil
	})
	return err
}

// take adds the hash of a line that another process wrote.
func (s *store) take(line []byte) {
	s.unstored = appendHashes(s.unstored, s.edge.add(recordHash(line)))
}

// takeFromTree adds the hashes of records that are in no file here: whoever moved
// the current file away has them. It stops before the sequence number before, if
// that is not negative.
func (s *store) takeFromTree(before int64) (found []Record, err error) {
	_, size, err := identify(s.tree)
	if err != nil {
		return nil, err
	}
	known := treeRecords(size)
	if before >= 0 {
		if known < before {
			return nil, fmt.Errorf("lacks the records %s, and their hashes", sequences(known, before))
		}
		known = before
	}
	from := s.edge.n
	for s.edge.n < known {
		leaf, err := treeReader{s.tree}.leaf(s.edge.n)
		if err != nil {
			return nil, err
		}
		s.unstored = appendHashes(s.unstored, s.edge.add(leaf))
	}
	if s.edge.n > from {
		found = append(found, gap(lostData{Reason: "records are not in any file beside the log", Missing: sequences(from, s.edge.n)}))
	}
	return found, nil
}

// readOn reads lines of the current file from an offset, takes up those that are
// new, and cuts off what is no record: the last write of a process that was killed.
func (s *store) readOn(from int64) (found []Record, err error) {
	errBad := errors.New("not a record")
	end, torn, err := readLines(io.NewSectionReader(s.current, from, 1<<62), from, func(line []byte, _ int64) error {
		want := s.first + s.currentRows
		if want >= s.edge.n {
			if sequenceOf(line) != s.edge.n {
				return errBad
			}
			s.take(line)
		}
		s.currentRows++
		s.noteLine(line)
		return nil
	})
	if err != nil && !errors.Is(err, errBad) && !errors.Is(err, errLongLine) {
		return nil, err
	}
	s.end = end
	if err == nil && torn == 0 {
		return nil, nil
	}
	if err == nil { // a write that was cut off
		cut := lostData{Reason: "the last write was cut off, and was no whole record"}
		sum := sha256.New()
		if cut.Bytes, err = io.Copy(sum, io.NewSectionReader(s.current, end, 1<<62)); err != nil {
			return nil, err
		}
		cut.SHA256 = hex.EncodeToString(sum.Sum(nil))
		return []Record{gap(cut)}, s.disk.truncate(s.current, end)
	}
	// No crash of ours leaves this. It stays as it is, for others to judge.
	found = []Record{gap(lostData{Reason: "lines that are no records follow; they are left in the file", Missing: "from " + fmt.Sprint(s.edge.n)})}
	return found, s.rotate(s.options.Now())
}

// cutTree cuts from the tree the hashes of records that are gone: after a power
// cut, hashes may be on the disk whose records are not.
func (s *store) cutTree() (found []Record) {
	_, size, err := identify(s.tree)
	if known := treeRecords(size); err == nil && known > s.edge.n {
		found = append(found, gap(lostData{Reason: "the tree knows records that are gone", Lost: uint64(known - s.edge.n)}))
	}
	if want := s.stored + int64(len(s.unstored)); err == nil && size > want {
		if err := s.disk.truncate(s.tree, want); err != nil {
			s.log.Warn("the tree of the access log can't be cut", "error", err)
		}
	}
	return found
}

// sequences names a range without its end.
func sequences(from, to int64) string {
	if to == from+1 {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d-%d", from, to-1)
}
