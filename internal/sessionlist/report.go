package sessionlist

import (
	"context"
	"fmt"
	"log/slog"
)

// maxNotes is how many bad lines of a file are named in the log; the others
// are counted.
const maxNotes = 20

// badLines collects what was wrong in one reading of a file.
type badLines struct {
	notes []string
	lines []int
	count int
}

func (b *badLines) add(line int, reason string) {
	if b.count++; b.count <= maxNotes {
		b.notes = append(b.notes, reason)
		b.lines = append(b.lines, line)
	}
}

func (b *badLines) log(log *slog.Logger, file string) {
	for i, note := range b.notes {
		log.Warn("skipping a line of a sessions file", "file", file, "line", b.lines[i], "reason", note)
	}
	if more := b.count - len(b.notes); more > 0 {
		log.Warn("skipping more lines of a sessions file", "file", file, "lines", more)
	}
}

// report logs the bad lines of a file unless they are the same as last time: a
// file is read again after every change.
func (s *Source) report(f *followed, b *badLines) {
	complaint := fmt.Sprint(b.lines, b.notes, b.count)
	if b.count > 0 && complaint != f.complaint {
		b.log(s.log, f.name)
	}
	f.complaint = complaint
}

// complain logs why a file can't be used, once.
func (s *Source) complain(f *followed, level slog.Level, message string, err error) {
	complaint := fmt.Sprint(message, err)
	if complaint == f.complaint {
		return
	}
	f.complaint = complaint
	attrs := []any{"file", f.name}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	s.log.Log(context.Background(), level, message, attrs...)
}
