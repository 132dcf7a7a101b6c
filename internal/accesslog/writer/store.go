package writer

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/mod/sumdb/note"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"
)

// store is the log on the disk, as this process knows it. Several processes share
// the files; who holds the lock brings its knowledge up to date first (sync).
// A store may be used by one goroutine at a time.
//
// What is written, in this order: lines, so that a crash leaves records without
// hashes, which are computed again; hashes; and last the checkpoint, after lines
// and hashes are on the disk.
type store struct {
	logfile.Files
	tree
	mounts
	options *Options
	anchor  anchor.Local

	signer note.Signer
	origin string

	current     *os.File
	currentID   logfile.Identity
	first, end  int64     // of the current file: its first sequence number, its size in bytes
	currentRows int64     // lines in it
	began       time.Time // when its first record was made; zero: not known

	signed     int64              // records that the last checkpoint covers
	signedAt   time.Time          // when
	signedText []byte             // its text
	met        time.Time          // when lines of another process were last found
	found      []accesslog.Record // what was found wrong with the files, to be recorded
}

// locked runs f with the lock held and the knowledge up to date.
func (s *store) locked(f func() error) error {
	lock, err := s.TakeLock(s.disk, logfile.LockPatience)
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
func (s *store) sync() (found []accesslog.Record, err error) {
	id, size, err := logfile.IdentifyPath(s.Base)
	if err != nil {
		return nil, err
	}
	before := s.edge.Clone()
	defer func() {
		if err != nil { // what was read now was not looked at yet
			s.close()
			s.edge = before
		}
	}()
	if s.current != nil && id == s.currentID && size >= s.end {
		if size == s.end {
			return nil, nil
		}
		c, err := s.refreshCheckpoint()
		if err != nil {
			return nil, err
		}
		if found, err = s.readOn(s.end); err != nil {
			return nil, err
		}
		if err := s.continues(c.Size, c.Root); err != nil {
			return nil, fmt.Errorf("is not what its checkpoint says: it %w", err)
		}
		return append(found, s.unsigned(before.N)...), nil
	}
	if found, err = s.load(); err != nil {
		return nil, err
	}
	if err := s.continues(before.N, before.Root()); err != nil {
		return nil, fmt.Errorf("was replaced while it was in use: it %w", err)
	}
	return append(found, s.unsigned(before.N)...), nil
}

// unsigned returns a record of the lines after the first own that were taken up though
// no checkpoint covers them. A process that was killed leaves such lines, one that still
// runs may for a second, and so does somebody without the key. Which it was can't be
// told, least of all by what the lines say.
func (s *store) unsigned(own int64) []accesslog.Record {
	from := max(s.signed, own)
	if own > 0 && s.edge.N > own || s.edge.N > from {
		s.met = s.options.Now()
	}
	if s.edge.N <= from {
		return nil
	}
	return []accesslog.Record{gap(accesslog.GapDetail{Reason: "records that no checkpoint covered were taken up unchecked",
		Records: logfile.Range(from, s.edge.N), Unsigned: &[2]int64{from, s.edge.N - 1}})}
}

// others reports whether another process may write the log now: what this one leaves
// unsigned would be found by it. Commands write for a moment and are gone.
func (s *store) others(now time.Time) bool {
	return now.Sub(s.met) < othersStay || s.mounts.others()
}

// refreshCheckpoint learns what others have signed.
func (s *store) refreshCheckpoint() (logfile.Checkpoint, error) {
	text, c, err := s.readCheckpoint()
	if err == nil && c.Size >= s.signed {
		s.signedText, s.signed = text, c.Size
	}
	return c, err
}

// append writes records and their hashes, durably if asked to. After an error none
// of them is in the log.
func (s *store) append(rows []row, durable bool) error {
	if len(rows) == 0 {
		return nil
	}
	edge := s.edge.Clone()
	var lines, hashes []byte
	for i := range rows {
		if err := rows[i].encode(); err != nil {
			return err
		}
		begin := len(lines)
		lines = logfile.Number(lines, rows[i].line, edge.N)
		hashes = logfile.AppendHashes(hashes, edge.Add(logfile.RecordHash(lines[begin:])))
		lines = append(lines, '\n')
	}
	err := s.disk.Write(s.current, lines, s.end)
	if err == nil && durable {
		err = s.disk.Sync(s.current)
	}
	if err != nil {
		// Cut back to whole records. If that fails too, the next one to hold the
		// lock finds lines that nobody stands for, and says so.
		if cut := s.disk.Truncate(s.current, s.end); cut != nil {
			err = errors.Join(err, cut)
			s.close()
		}
		return err
	}
	if s.currentRows == 0 {
		s.first, s.began = s.edge.N, rows[0].record.Time
	}
	s.currentRows += int64(len(rows))
	s.end += int64(len(lines))
	s.edge = edge
	for _, r := range rows {
		s.note(r.record)
	}
	s.unstored = append(s.unstored, hashes...)
	s.tree.store()
	return nil
}

// sign makes everything durable and signs a checkpoint of it, if there is anything
// new.
func (s *store) sign(now time.Time) error {
	if s.edge.N == s.signed && s.signedText != nil {
		return nil
	}
	if err := errors.Join(s.disk.Sync(s.current), s.tree.sync()); err != nil {
		return err
	}
	return s.writeCheckpoint(now)
}

func (s *store) writeCheckpoint(now time.Time) error {
	text, err := logfile.Checkpoint{Origin: s.origin, Size: s.edge.N, Root: s.edge.Root()}.Sign(s.signer)
	if err != nil {
		return err
	}
	if err := s.disk.Replace(s.Files.Checkpoint(), text); err != nil {
		return err
	}
	s.signed, s.signedAt, s.signedText = s.edge.N, now, text
	if err := s.anchor.Write(s.disk, s.origin, text); err != nil {
		s.log.Warn("the installation can't remember the access log's checkpoint: a rollback of the log would not show", "error", err)
	}
	return nil
}

// full reports whether a new file is due: by the size of the current one, or since a file
// goes as a whole once its records have passed their time.
func (s *store) full(now time.Time) bool {
	o := s.options
	return s.currentRows > 0 && (s.end >= o.MaxFile || o.Keep > 0 && !s.began.IsZero() && now.Sub(s.began) >= o.Keep/filesInKeep)
}

// rotate gives the current file its name as a rotated one, and begins a new one.
func (s *store) rotate(now time.Time) error {
	if err := s.disk.Sync(s.current); err != nil {
		return err
	}
	name := s.Rotated(s.first)
	if id, _, err := logfile.IdentifyPath(name); err != nil || id != (logfile.Identity{}) {
		// Nothing is replaced, whatever it is.
		name = fmt.Sprintf("%s.%d-%d", s.Base, s.first, now.UnixNano())
	}
	if err := s.disk.Rename(s.Base, name); err != nil {
		return err
	}
	s.current.Close()
	s.current = nil
	return s.beginFile()
}

// beginFile opens the current file, which is empty or missing.
func (s *store) beginFile() error {
	f, err := s.disk.Open(s.Base)
	if err != nil {
		return err
	}
	id, size, err := logfile.Identify(f)
	if err == nil && size > 0 {
		err = errors.New("another process writes without the lock")
	}
	if err == nil {
		err = s.disk.SyncDir(s.Base)
	}
	if err != nil {
		f.Close()
		return err
	}
	s.current, s.currentID, s.first, s.end, s.currentRows = f, id, s.edge.N, 0, 0
	s.began = time.Time{}
	return nil
}

// close forgets what is open: the next sync reads everything again.
func (s *store) close() error {
	err := s.tree.close()
	if s.current != nil {
		err = errors.Join(err, s.current.Close())
		s.current = nil
	}
	return err
}
