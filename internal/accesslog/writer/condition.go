package writer

import (
	"sync"

	"veriffs/internal/accesslog"
)

// condition is what Status shows and the log's other locks would keep from it: they are
// held while the disk works.
type condition struct {
	mu      sync.Mutex
	records int64
	failing string
}

func (s *condition) wrote(records int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing = ""; err != nil {
		s.failing = err.Error()
		return
	}
	s.records = records
}

// Status returns how the log is.
func (l *Log) Status() accesslog.Status {
	s := accesslog.Status{Path: l.options.Path, Mode: l.options.Mode, Lost: l.Lost(), Anchors: l.external.Status()}
	l.condition.mu.Lock()
	defer l.condition.mu.Unlock()
	s.Records, s.Failing = l.condition.records, l.condition.failing
	return s
}
