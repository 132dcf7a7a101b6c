package sandbox

import (
	"context"
	"maps"
	"slices"
)

// Counts is what was asked of a Sandbox since the last ResetRequests.
type Counts struct {
	Total     int
	ByKind    map[Kind]int
	ByPath    map[string]int // such as /v1/media/<id>
	InFlight  int            // being answered now
	Peak      int            // most in flight at once
	BytesSent int64          // of bodies
}

// log counts requests. The sandbox's lock guards it.
type log struct {
	counts  Counts
	paths   []string      // in order of arrival
	arrived chan struct{} // closed and replaced at each arrival
}

func (l *log) begin(kind Kind, path string) {
	if l.counts.ByKind == nil {
		l.counts.ByKind, l.counts.ByPath = map[Kind]int{}, map[string]int{}
	}
	l.counts.Total++
	l.counts.ByKind[kind]++
	l.counts.ByPath[path]++
	l.counts.InFlight++
	l.counts.Peak = max(l.counts.Peak, l.counts.InFlight)
	l.paths = append(l.paths, path)
	close(l.arrived)
	l.arrived = make(chan struct{})
}

func (l *log) end() { l.counts.InFlight-- }

// Requests returns the counts so far.
func (s *Sandbox) Requests() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.log.counts
	c.ByKind, c.ByPath = maps.Clone(c.ByKind), maps.Clone(c.ByPath)
	return c
}

// Paths returns the paths asked for, in the order in which they arrived.
func (s *Sandbox) Paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log.paths)
}

// ResetRequests sets the counts to zero, but for those in flight.
func (s *Sandbox) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	inFlight := s.log.counts.InFlight
	s.log.counts = Counts{InFlight: inFlight, Peak: inFlight}
	s.log.paths = nil
}

// WaitRequests waits until n requests have arrived since the last
// ResetRequests, or returns the context's error.
func (s *Sandbox) WaitRequests(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		total, arrived := s.log.counts.Total, s.log.arrived
		s.mu.Unlock()
		if total >= n {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
