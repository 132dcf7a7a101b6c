package writer

import (
	"cmp"
	"errors"
	"log/slog"
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
	all, err := oldFiles(s.Files, l.log)
	if err != nil {
		return err
	}
	end := slices.IndexFunc(all, func(f oldFile) bool { return now.Sub(f.at) < l.options.Keep })
	if end < 0 {
		end = len(all)
	}
	if all = all[:end]; len(all) == 0 {
		return nil
	}
	below := int64(0)
	for _, f := range all {
		below = max(below, f.last+1)
	}
	if err := l.appendDurably(accesslog.Record{Operation: accesslog.OpLogRetire, Outcome: accesslog.Success, Detail: accesslog.Detail(accesslog.RetireDetail{Below: below, Keep: l.options.Keep.String()})}, now); err != nil {
		return err
	}
	for _, f := range all {
		if err := s.disk.Remove(f.path); err != nil {
			return err
		}
	}
	return s.disk.SyncDir(s.Base)
}

// oldFile is a file of records that is no longer written to.
type oldFile struct {
	path        string
	first, last int64
	at          time.Time // of the last record
}

// oldFiles returns the files that are no longer written to, oldest first. One that is
// not what its name says stays, and is complained of.
func oldFiles(f logfile.Files, log *slog.Logger) (all []oldFile, err error) {
	paths, err := f.OldFiles()
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		f := oldFile{path: path}
		f.first, err = logfile.FirstSequence(path)
		if err == nil {
			f.last, f.at, err = lastRecord(path)
		}
		if err == nil && (f.first < 0 || f.last < f.first) {
			err = errors.New("it does not begin and end with a record")
		}
		if err != nil {
			log.Warn("a file beside the access log stays, however old it is", "path", path, "error", err)
			continue
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b oldFile) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last)) })
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
