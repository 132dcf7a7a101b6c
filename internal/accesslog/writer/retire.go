package writer

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// retireFiles deletes the files whose last record is older than Keep, oldest first, after
// a durable record of it: the rotated ones, and those that another program has moved.
// Their hashes stay in the tree file.
func (l *Log) retireFiles(now time.Time) error {
	s := &l.store
	doomed, err := l.pastKeep(now)
	if err != nil || len(doomed) == 0 {
		return err
	}
	below := doomed[len(doomed)-1].last + 1
	if err := l.appendDurably(accesslog.Record{Operation: accesslog.OpLogRetire, Outcome: accesslog.Success, Detail: accesslog.Detail(accesslog.RetireDetail{Below: below, Keep: l.options.Keep.String()})}, now); err != nil {
		return err
	}
	for _, f := range doomed {
		if err := s.disk.Remove(f.path); err != nil {
			return err
		}
	}
	return s.disk.SyncDir(s.Base)
}

// oldFile is a file of records that is no longer written to.
type oldFile struct {
	path string
	last int64 // sequence number
}

// pastKeep returns the files that are no longer written to and whose last record is older
// than Keep, oldest first. One that is not this log's, or not as it was written, stays,
// and is complained of: it may be another log's, or evidence.
func (l *Log) pastKeep(now time.Time) (all []oldFile, err error) {
	s := &l.store
	beside, err := s.Beside()
	if err != nil {
		return nil, err
	}
	add := func(path string, named bool) {
		last, at, err := lastRecord(path)
		if err == nil && last >= 0 && now.Sub(at) < l.options.Keep {
			return
		}
		if err == nil && last >= s.first {
			err = errors.New("it does not end before the current file begins")
		}
		if err == nil {
			err = s.tree.wrote(path, named)
		}
		if err != nil {
			l.log.Warn("a file beside the access log stays, however old it is", "path", path, "error", err)
			return
		}
		all = append(all, oldFile{path, last})
	}
	for _, f := range beside.Rotated {
		add(f.Path, true)
	}
	for _, path := range beside.Moved {
		add(path, false)
	}
	slices.SortFunc(all, func(a, b oldFile) int { return cmp.Compare(a.last, b.last) })
	return all, nil
}

// appendDurably writes one record of the log's own and signs a checkpoint that
// covers it, so that what follows may destroy something.
func (l *Log) appendDurably(r accesslog.Record, now time.Time) error {
	l.fill(&r)
	if err := l.store.append([]row{{record: &r}}, true); err != nil {
		return err
	}
	if err := l.store.sign(now); err != nil {
		return err
	}
	return l.store.disk.SyncDir(l.store.Base) // a checkpoint that a power cut takes back would leave no right to it
}

// lastRecord returns the sequence number and the time of the last record of a file
// that is not erased; a sequence number of -1 if there is none.
func lastRecord(path string) (last int64, at time.Time, err error) {
	f, err := logfile.OpenRead(path)
	if err != nil {
		return -1, at, err
	}
	defer f.Close()
	line, err := logfile.LastLine(f)
	if err != nil || line == nil {
		return -1, at, err
	}
	if _, erased := logfile.ParseStub(line); erased {
		// The time went with the record; when the file was last written is later.
		info, err := os.Stat(path)
		if err != nil {
			return -1, at, err
		}
		return logfile.SequenceOf(line), info.ModTime(), nil
	}
	r, err := logfile.ParseRecord(line)
	if err != nil {
		return -1, at, nil // left for log verify
	}
	return int64(r.Sequence), r.Time, nil
}
