package writer

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// Erase erases every record that names a session and is Erasable, and leaves its hash in
// the tree and a line in its place that says so. r is the record of it, and says who asked.
// It returns how many records are erased: none if none is about the session. What it does is durable in an order that a
// crash does not spoil: Erase again finishes it.
func (l *Log) Erase(session, reason string, r accesslog.Record) (erased int, err error) {
	l.disk.Lock()
	defer l.disk.Unlock()
	s := &l.store
	// What waits goes first, so that its gaps and its new file are told of.
	if err := l.commitLocked(func(*store) ([]row, bool) { return nil, true }); err != nil {
		return 0, err
	}
	f := accesslog.Filter{Sessions: []string{session}, Mentioned: true}
	err = l.locked(func() error {
		now := l.options.Now()
		doomed, spans, err := s.findDoomed(&f)
		if err != nil || len(spans) == 0 {
			return err
		}
		r.Operation, r.Outcome = accesslog.OpLogErase, accesslog.Success
		r.Detail = accesslog.Detail(accesslog.EraseDetail{Sequences: spans, Reason: without(reason, session)})
		by := s.edge.N
		if err := l.appendDurably(r, now); err != nil {
			return err
		}
		for _, path := range doomed {
			n, err := s.eraseIn(path, &f, by)
			erased += n
			if err != nil {
				return err
			}
		}
		return s.disk.SyncDir(s.Base)
	})
	return erased, err
}

// without returns a text without a session's id, however it is written.
func without(text, session string) string {
	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(session)).ReplaceAllString(text, "[erased]")
}

// erasable reports whether a line is of a record to be erased.
func erasable(f *accesslog.Filter, line []byte) bool {
	r, ok := logfile.Choose(f, line)
	return ok && r.Erasable()
}

// findDoomed returns the files that have records to erase, and which; none if no record
// is about the session.
func (s *store) findDoomed(f *accesslog.Filter) (paths []string, spans [][2]int64, err error) {
	all, err := s.OldFiles()
	if err != nil {
		return nil, nil, err
	}
	var e accesslog.Erasure
	for _, path := range append(all, s.Base) {
		file, err := logfile.OpenRead(path)
		if err != nil {
			return nil, nil, err
		}
		before := len(spans)
		touched := false
		_, _, err = logfile.ReadLines(file, 0, func(line []byte, _ int64) error {
			r, ok := logfile.Choose(f, line)
			if n := logfile.SequenceOf(line); n >= 0 && ok && e.Add(f.Sessions[0], r) {
				touched = true
				if i := len(spans) - 1; i >= before && spans[i][1] == n-1 {
					spans[i][1] = n
				} else {
					spans = append(spans, [2]int64{n, n})
				}
			}
			return nil
		})
		file.Close()
		if err != nil {
			return nil, nil, err
		}
		if touched {
			paths = append(paths, path)
		}
	}
	if e.About == 0 {
		return nil, nil, nil
	}
	return paths, spans, nil
}

// eraseIn replaces a file by one with stubs.
func (s *store) eraseIn(path string, f *accesslog.Filter, by int64) (erased int, err error) {
	file, err := logfile.OpenRead(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	out.Grow(len(text))
	for line := range bytes.Lines(text) {
		whole, ok := bytes.CutSuffix(line, []byte("\n"))
		if ok && erasable(f, whole) {
			erased++
			line = append(logfile.Stub(logfile.SequenceOf(whole), by), '\n')
		}
		out.Write(line)
	}
	if err := s.disk.Replace(path, out.Bytes()); err != nil {
		return 0, err
	}
	if path != s.Base { // retention goes by the last record's time, or this
		os.Chtimes(path, time.Time{}, info.ModTime())
	}
	return erased, nil
}
