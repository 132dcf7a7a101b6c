package accesslog

import (
	"sync"
	"time"
)

// Status is how a log is. It costs no I/O.
type Status struct {
	Path    string         `json:"path"`
	Mode    Mode           `json:"mode"`
	Records int64          `json:"records"` // in the log, as this process knows it
	Lost    uint64         `json:"lost"`    // since Open
	Failing string         `json:"failing,omitempty"`
	Anchors []AnchorStatus `json:"anchors"`
}

// AnchorStatus is what an anchor has.
type AnchorStatus struct {
	Name    string    `json:"name"`
	Records int64     `json:"records"`        // covered by the last checkpoint that it took
	Taken   time.Time `json:"taken,omitzero"` // when; zero: none since Open
}

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
func (l *Log) Status() Status {
	s := Status{Path: l.options.Path, Mode: l.options.Mode, Lost: l.Lost(), Anchors: l.external.status()}
	l.condition.mu.Lock()
	defer l.condition.mu.Unlock()
	s.Records, s.Failing = l.condition.records, l.condition.failing
	return s
}

// status returns what each anchor has.
func (p *publisher) status() []AnchorStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]AnchorStatus, len(p.anchors))
	for i, a := range p.anchors {
		all[i] = p.taken[i]
		all[i].Name = a.Name()
	}
	return all
}

// took notes that an anchor has a checkpoint.
func (p *publisher) took(i int, records int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken[i] = AnchorStatus{Records: records, Taken: time.Now().UTC()}
}
