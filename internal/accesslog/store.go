package accesslog

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// store is the log on the disk, as this process knows it. Several processes share
// the files; who holds the lock brings its knowledge up to date first (sync).
// A store may be used by one goroutine at a time.
//
// What is written, in this order: lines, so that a crash leaves records without
// hashes, which are computed again; hashes; and last the checkpoint, after lines
// and hashes are on the disk.
type store struct {
	files
	disk    disk
	options *Options
	log     *slog.Logger
	anchor  localAnchor

	signer note.Signer
	origin string

	current     *os.File
	currentID   identity
	first, end  int64 // of the current file: its first sequence number, its size in bytes
	currentRows int64 // lines in it

	tree     *os.File
	edge     frontier
	unstored []byte // hashes that are not in the tree file yet
	stored   int64  // size of the tree file, in bytes

	signed     int64     // records that the last checkpoint covers
	signedAt   time.Time // when
	signedText []byte    // its text
	up         map[string]Mount
	found      []Record // what was found wrong with the files, to be recorded
}

// locked runs f with the lock held and the knowledge up to date.
func (s *store) locked(f func() error) error {
	lock, err := s.takeLock(s.disk, lockPatience)
	if err != nil {
		return err
	}
	defer lock.Close() // and so unlock
	found, err := s.sync()
	s.found = append(s.found, found...)
	if err != nil {
		return err
	}
	return f()
}

// sync reads what other processes have written.
func (s *store) sync() (found []Record, err error) {
	id, size, err := identifyPath(s.base)
	if err != nil {
		return nil, err
	}
	if s.current != nil && id == s.currentID && size >= s.end {
		if size == s.end {
			return nil, nil
		}
		if err := s.refreshCheckpoint(); err != nil {
			return nil, err
		}
		return s.readOn(s.end)
	}
	before := s.edge.clone()
	if found, err = s.load(); err != nil {
		s.close()
		return nil, err
	}
	if before.n == 0 {
		found = append(found, s.unsignedTail()...)
	}
	if err := s.continues(before.n, before.root()); err != nil {
		s.close()
		s.edge = before
		return nil, fmt.Errorf("was replaced while it was in use: it %w", err)
	}
	return found, nil
}

// continues reports whether the log is one that had n records with this root.
func (s *store) continues(n int64, root tlog.Hash) error {
	if n > s.edge.n {
		return fmt.Errorf("has %d records, and had %d", s.edge.n, n)
	}
	edge := s.edge
	if n < edge.n {
		if err := s.storeHashes(); err != nil {
			return err
		}
		var err error
		if edge, err = readFrontier(treeReader{s.tree}, n); err != nil {
			return err
		}
	}
	if edge.root() != root {
		return fmt.Errorf("has other records before number %d than it had", n)
	}
	return nil
}

// refreshCheckpoint learns what others have signed.
func (s *store) refreshCheckpoint() error {
	text, c, err := s.readCheckpoint()
	if err == nil {
		s.signedText, s.signed = text, max(s.signed, c.Size)
	}
	return err
}

// append writes records and their hashes, durably if asked to. After an error none
// of them is in the log.
func (s *store) append(records []*Record, durable bool) error {
	if len(records) == 0 {
		return nil
	}
	edge := s.edge.clone()
	var lines, hashes []byte
	for _, r := range records {
		r.Sequence = uint64(edge.n)
		line, err := encode(r)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
		hashes = appendHashes(hashes, edge.add(recordHash(line)))
	}
	err := s.disk.write(s.current, lines, s.end)
	if err == nil && durable {
		err = s.disk.sync(s.current)
	}
	if err != nil {
		// Cut back to whole records. If that fails too, the next one to hold the
		// lock finds lines that nobody stands for, and says so.
		if cut := s.disk.truncate(s.current, s.end); cut != nil {
			err = errors.Join(err, cut)
			s.close()
		}
		return err
	}
	if s.currentRows == 0 {
		s.first = s.edge.n
	}
	s.currentRows += int64(len(records))
	s.end += int64(len(lines))
	s.edge = edge
	for _, r := range records {
		s.note(r)
	}
	s.unstored = append(s.unstored, hashes...)
	return s.storeHashes()
}

// storeHashes writes the hashes that are not in the tree file yet. Failing that is
// no failure of the records: they are tried again, and could be computed again.
func (s *store) storeHashes() error {
	if len(s.unstored) == 0 {
		return nil
	}
	if err := s.disk.write(s.tree, s.unstored, s.stored); err != nil {
		s.log.Warn("hashes of the access log can't be written; they are tried again", "error", err)
		return nil
	}
	s.stored += int64(len(s.unstored))
	s.unstored = s.unstored[:0]
	return nil
}

// sign makes everything durable and signs a checkpoint of it, if there is anything
// new.
func (s *store) sign(now time.Time) error {
	if s.edge.n == s.signed && s.signedText != nil {
		return nil
	}
	if err := s.storeHashes(); err != nil {
		return err
	}
	if len(s.unstored) > 0 {
		return errors.New("hashes are not written yet")
	}
	if err := errors.Join(s.disk.sync(s.current), s.disk.sync(s.tree)); err != nil {
		return err
	}
	return s.writeCheckpoint(now)
}

func (s *store) writeCheckpoint(now time.Time) error {
	text, err := Checkpoint{s.origin, s.edge.n, s.edge.root()}.sign(s.signer)
	if err != nil {
		return err
	}
	if err := s.disk.replace(s.files.checkpoint(), text); err != nil {
		return err
	}
	s.signed, s.signedAt, s.signedText = s.edge.n, now, text
	if err := s.anchor.write(s.disk, s.origin, text); err != nil {
		s.log.Warn("the installation can't remember the access log's checkpoint: a rollback of the log would not show", "error", err)
	}
	return nil
}

// rotate gives the current file its name as a rotated one, and begins a new one.
func (s *store) rotate(now time.Time) error {
	if err := s.disk.sync(s.current); err != nil {
		return err
	}
	name := s.rotated(s.first)
	if id, _, err := identifyPath(name); err != nil || id != (identity{}) {
		// Nothing is replaced, whatever it is.
		name = fmt.Sprintf("%s.%d-%d", s.base, s.first, now.UnixNano())
	}
	if err := s.disk.rename(s.base, name); err != nil {
		return err
	}
	s.current.Close()
	s.current = nil
	return s.beginFile()
}

// beginFile opens the current file, which is empty or missing.
func (s *store) beginFile() error {
	f, err := s.disk.open(s.base)
	if err != nil {
		return err
	}
	id, size, err := identify(f)
	if err == nil && size > 0 {
		err = errors.New("another process writes without the lock")
	}
	if err == nil {
		err = s.disk.syncDir(s.base)
	}
	if err != nil {
		f.Close()
		return err
	}
	s.current, s.currentID, s.first, s.end, s.currentRows = f, id, s.edge.n, 0, 0
	return nil
}

// close forgets what is open: the next sync reads everything again.
func (s *store) close() error {
	var errs error
	for _, f := range []**os.File{&s.current, &s.tree} {
		if *f != nil {
			errs = errors.Join(errs, (*f).Close())
			*f = nil
		}
	}
	return errs
}

// makeDirectory makes the directory of a log that begins.
func (f files) makeDirectory() error { return os.MkdirAll(filepath.Dir(f.base), 0o700) }
