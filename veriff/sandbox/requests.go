package sandbox

import (
	"context"
	"maps"
	"slices"
	"sync"
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

// journal counts requests.
type journal struct {
	mu      sync.Mutex
	counts  Counts
	paths   []string      // in order of arrival
	arrived chan struct{} // closed and replaced at each arrival
}

func newJournal() *journal { return &journal{arrived: make(chan struct{})} }

func (j *journal) begin(kind Kind, path string) {
	j.mu.Lock()
	defer j.mu.Unlock()
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

func (j *journal) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counts.InFlight--
}

func (j *journal) sent(bytes int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counts.BytesSent += int64(bytes)
}

// Requests returns the counts so far.
func (j *journal) Requests() Counts {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := j.counts
	c.ByKind, c.ByPath = maps.Clone(c.ByKind), maps.Clone(c.ByPath)
	return c
}

// Paths returns the paths asked for, in the order in which they arrived.
func (j *journal) Paths() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.paths)
}

// ResetRequests sets the counts to zero, but for those in flight.
func (j *journal) ResetRequests() {
	j.mu.Lock()
	defer j.mu.Unlock()
	inFlight := j.counts.InFlight
	j.counts = Counts{InFlight: inFlight, Peak: inFlight}
	j.paths = nil
}

// WaitRequests waits until n requests have arrived since the last
// ResetRequests, or returns the context's error.
func (j *journal) WaitRequests(ctx context.Context, n int) error {
	for {
		j.mu.Lock()
		total, arrived := j.counts.Total, j.arrived
		j.mu.Unlock()
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
