// Package hedge decides which requests are late enough to be sent a second
// time, and keeps their retry budget: 2 % of all.
//
// It measures a request by its peers, the recent answers of the same kind, and
// learns from each answer. What asks for fewer requests takes all credit away.
// It sends nothing, and has no clock. A Policy is safe for concurrent use; its
// lock is held for arithmetic alone. A Latency is not.
package hedge

import (
	"sync"
	"time"
)

const (
	// sample is how many answers of a kind must be known before one of that
	// kind can be called late.
	sample = 100
	// generation is how many answers make a generation. An answer is measured
	// by the last one to two generations.
	generation = 500
	// margin is what a busy machine may add by itself to answers that all take
	// about the same time.
	margin = 100 * time.Millisecond
	// price is how many answers earn one second request: 2 % of all. burst
	// bounds what is saved up.
	price = 50
	burst = 5 * price
)

// Policy decides which requests are late, and how many may be sent twice. The
// zero Policy knows no request yet.
type Policy struct {
	mu     sync.Mutex
	peers  map[string]*generations // by kind
	credit int                     // in answers
	counts Counts
}

// Counts are the second requests that were sent because the first was late.
type Counts struct {
	Sent int64
	Won  int64 // those that were answered first
}

// generations are the latencies of recent answers.
type generations struct{ older, newer Latency }

// Learn takes in that a request was answered well after so long.
func (p *Policy) Learn(kind string, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.credit = min(p.credit+1, burst)
	g := p.peers[kind]
	if g == nil {
		if p.peers == nil {
			p.peers = make(map[string]*generations)
		}
		g = new(generations)
		p.peers[kind] = g
	}
	if g.newer.Count == generation {
		g.older, g.newer = g.newer, Latency{}
	}
	g.newer.Add(took)
}

// Overloaded takes in that an answer asks for fewer requests, not for more.
func (p *Policy) Overloaded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.credit = 0
}

// Late returns after which wait an answer is late, or 0 if that is not known.
func (p *Policy) Late(kind string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.peers[kind]
	if g == nil || g.older.Count+g.newer.Count < sample {
		return 0
	}
	recent := g.older
	recent.Merge(&g.newer)
	p99 := recent.Quantile(0.99)
	return max(p99+margin, p99*3/2, 2*recent.Quantile(0.5))
}

// Pay takes the price of a second request, and reports false if there is too
// little credit for it.
func (p *Policy) Pay() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.credit < price {
		return false
	}
	p.credit -= price
	p.counts.Sent++
	return true
}

// Counts returns the counts so far.
func (p *Policy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Won counts a second request that was answered first.
func (p *Policy) Won() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Won++
}
