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
// It returns how many records are erased: none if the id is none of a session. What it does is durable in an order that a
// crash does not spoil: Erase again finishes it, whatever the crash has left.
func (l *Log) Erase(session, reason string, r accesslog.Record) (erased int, err error) {
	l.disk.Lock()
	defer l.disk.Unlock()
	s := &l.store
	// What waits goes first, so that its gaps and its new file are told of.
	if err := l.commitLocked(func(*store) ([]row, bool) { return nil, true }); err != nil {
		return 0, err
	}
	err = l.locked(func() error {
		now := l.options.Now()
		e := accesslog.Erasure{Session: session}
		doomed, err := s.findDoomed(&e)
		if err != nil || !e.OfSession() {
			return err
		}
		r.Operation, r.Outcome = accesslog.OpLogErase, accesslog.Success
		r.Detail = accesslog.Detail(accesslog.EraseDetail{Sequences: e.Sequences, Reason: without(reason, session)})
		by := s.edge.N
		if err := l.appendDurably(r, now); err != nil {
			return err
		}
		for _, path := range doomed {
			n, err := eraseIn(s.Files, s.disk, path, session, by)
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

// findDoomed adds up what is to be erased, and returns the files that have it.
func (s *store) findDoomed(e *accesslog.Erasure) (paths []string, err error) {
	all, err := s.tree.files(s.Files)
	if err != nil {
		return nil, err
	}
	for _, path := range all {
		file, err := logfile.OpenRead(path)
		if err != nil {
			return nil, err
		}
		touched := false
		_, _, err = logfile.ReadLines(file, 0, func(line []byte, _ int64) error {
			touched = logfile.Weigh(e, line) || touched
			return nil
		})
		file.Close()
		if err != nil {
			return nil, err
		}
		if touched {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// eraseIn replaces a file by one with stubs.
func eraseIn(f logfile.Files, disk logfile.Disk, path, session string, by int64) (erased int, err error) {
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
	e := accesslog.Erasure{Session: session}
	for line := range bytes.Lines(text) {
		whole, ok := bytes.CutSuffix(line, []byte("\n"))
		if ok && logfile.Weigh(&e, whole) {
			erased++
			line = append(logfile.Stub(logfile.SequenceOf(whole), by), '\n')
		}
		out.Write(line)
	}
	if err := disk.Replace(path, out.Bytes()); err != nil {
		return 0, err
	}
	if path != f.Base { // retention goes by the last record's time, or this
		os.Chtimes(path, time.Time{}, info.ModTime())
	}
	return erased, nil
}
