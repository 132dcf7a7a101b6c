package veriff

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/veriff/hedge"
)

// As Stats counts them: the kind of request that is a probe, for which "not
// found" is the answer hoped for, and what a request came to that went well.
const (
	KindProbe = "probe"
	OutcomeOK = outcomeOK
)

// What a request came to, as Stats counts it.
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

// Request is what a request was for and what it came to. Both are of a small
// fixed set, fit for a metric's labels.
type Request struct {
	Kind    string // "session media", "media", "probe", …
	Outcome string // "ok", "not found", "bad signature", …
}

// Stats are counts since the client was made. Every try of a call counts.
type Stats struct {
	Requests map[Request]int64
	Bytes    int64 // of bodies received
	Active   int   // requests under way
	Hedged   Hedges
	// HeldUntil is until when none goes out: see Client.HeldUntil.
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
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	return Stats{
		Requests:  maps.Clone(c.stats.requests),
		Bytes:     c.stats.bytes.Load(),
		Active:    len(c.slots),
		Hedged:    c.hedging.Counts(),
		HeldUntil: c.HeldUntil(),
		FirstByte: c.stats.firstByte,
	}
}

// Answers returns how many requests were answered so far, whatever the answer.
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
