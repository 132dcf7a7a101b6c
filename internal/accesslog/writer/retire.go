package writer

import (
	"os"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// retireFiles deletes the rotated files whose last record is older than Keep, oldest
// first, after a durable record of it. Their hashes stay in the tree file.
func (l *Log) retireFiles(now time.Time) error {
	s := &l.store
	rotated, err := s.RotatedFiles()
	if err != nil {
		return err
	}
	var (
		doomed []string
		below  int64
	)
	for _, r := range rotated {
		last, at, err := lastRecord(r.Path)
		if err != nil {
			return err
		}
		if last < 0 || now.Sub(at) < l.options.Keep {
			break
		}
		doomed, below = append(doomed, r.Path), last+1
	}
	if len(doomed) == 0 {
		return nil
	}
	if err := l.appendDurably(accesslog.Record{Operation: accesslog.OpLogRetire, Outcome: accesslog.Success, Detail: accesslog.Detail(accesslog.RetireDetail{Below: below, Keep: l.options.Keep.String()})}, now); err != nil {
		return err
	}
	for _, path := range doomed {
		if err := s.disk.Remove(path); err != nil {
			return err
		}
	}
	return s.disk.SyncDir(s.Base)
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
