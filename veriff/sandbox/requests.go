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
	InFlight  int            // being answered now: the last byte isn't on its way yet
	Peak      int            // most in flight at once
	BytesSent int64          // of bodies, counted as they are handed to the connection
}

// journal counts requests. The sandbox's lock guards it.
type journal struct {
	counts  Counts
	paths   []string      // in order of arrival
	arrived chan struct{} // closed and replaced at each arrival
}

func (j *journal) begin(kind Kind, path string) {
	if j.counts.ByKind == nil {
		j.counts.ByKind, j.counts.ByPath = map[Kind]int{}, map[string]int{}
	}
	j.counts.Total++
	j.counts.ByKind[kind]++
	j.counts.ByPath[path]++
	j.counts.InFlight++
	j.counts.Peak = max(j.counts.Peak, j.counts.InFlight)
	j.paths = append(j.paths, path)
	close(j.arrived)
	j.arrived = make(chan struct{})
}

func (j *journal) end() { j.counts.InFlight-- }

// Requests returns the counts so far.
func (s *Sandbox) Requests() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.journal.counts
	c.ByKind, c.ByPath = maps.Clone(c.ByKind), maps.Clone(c.ByPath)
	return c
}

// Paths returns the paths asked for, in the order in which they arrived.
func (s *Sandbox) Paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal.paths)
}

// ResetRequests sets the counts to zero, but for those in flight.
func (s *Sandbox) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	inFlight := s.journal.counts.InFlight
	s.journal.counts = Counts{InFlight: inFlight, Peak: inFlight}
	s.journal.paths = nil
}

// WaitRequests waits until n requests have arrived since the last
// ResetRequests, or returns the context's error.
func (s *Sandbox) WaitRequests(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		total, arrived := s.journal.counts.Total, s.journal.arrived
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
