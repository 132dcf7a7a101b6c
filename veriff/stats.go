package veriff

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/veriff/hedge"
)

// Labels of Stats that others compare with: the kind of a probe's request, for
// which "not found" is the good outcome, and the outcome of any other that went
// well.
const (
	KindProbe = "probe"
	OutcomeOK = outcomeOK
)

// The outcomes of a request, as Stats counts them.
const (
	outcomeOK          = "ok"
	outcomeNotFound    = "not found"
	outcomeRefused     = "refused"
	outcomeRateLimited = "rate limited"
	outcomeServer      = "server error"
	outcomeUnreachable = "unreachable"
	outcomeNoAnswer    = "no answer"
	outcomeRedirect    = "redirect"
	outcomeSignature   = "bad signature"
	outcomeBody        = "bad body"
	outcomeSink        = "sink"
	outcomeUnexpected  = "unexpected"
	outcomeCancelled   = "cancelled"
)

// Request is what a request was for and its outcome. Both are of a small fixed
// set, fit for a metric's labels.
type Request struct {
	Kind    string // "session media", "media", "probe", …
	Outcome string // "ok", "not found", "bad signature", …
}

// Stats are counts since the client was made. Each try of a call counts.
type Stats struct {
	Requests map[Request]int64
	Bytes    int64 // of bodies received
	Active   int   // requests under way
	Hedged   Hedges
	// HeldUntil is Client.HeldUntil.
	HeldUntil time.Time
	// FirstByte is how long the API took to begin its answers.
	FirstByte Latency
}

// Hedges are the second requests that were sent because the first was late.
// They are in no other count.
type Hedges = hedge.Counts

// Latency is a histogram.
type Latency = hedge.Latency

// Stats returns the counts.
func (c *Client) Stats() Stats {
	s := Stats{
		Bytes:     c.stats.bytes.Load(),
		Active:    len(c.slots),
		Hedged:    c.hedging.Counts(),
		HeldUntil: c.HeldUntil(),
	}
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	s.Requests, s.FirstByte = maps.Clone(c.stats.requests), c.stats.firstByte
	return s
}

// Answers returns how many requests were answered so far, in whatever way.
func (c *Client) Answers() int64 {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	return c.stats.firstByte.Count
}

type stats struct {
	bytes atomic.Int64

	mu        sync.Mutex
	requests  map[Request]int64
	firstByte Latency
}

// answered counts an answer that began after d.
func (s *stats) answered(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.firstByte.Add(d)
}

func (s *stats) count(kind, outcome string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requests == nil {
		s.requests = make(map[Request]int64)
	}
	s.requests[Request{kind, outcome}]++
}
