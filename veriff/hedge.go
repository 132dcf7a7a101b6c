package veriff

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// hedgeSample is how many answers of a kind must be known before one of
	// that kind can be called late.
	hedgeSample = 100
	// hedgeGeneration is how many answers make a generation; the last one to
	// two generations are what an answer is measured by.
	hedgeGeneration = 500
	// hedgeMargin keeps requests whose answers take about the same time from
	// being called late over what a busy machine adds by itself.
	hedgeMargin = 100 * time.Millisecond
	// hedgeTimerSlack is the most that our own timer may be late: beyond it
	// this machine is the slow one, and more requests would not help.
	hedgeTimerSlack = 10 * time.Millisecond
	// hedgePrice is how many answers earn one second request, so that these
	// are 2 % of all at most; hedgeBurst bounds what is saved up.
	hedgePrice = 50
	hedgeBurst = 5 * hedgePrice
)

// hedging decides which requests are late, and how many may be sent twice.
type hedging struct {
	mu     sync.Mutex
	peers  map[string]*generations // by the name of the resource
	credit int                     // in answers
	counts Hedges
}

// generations are the latencies of recent answers.
type generations struct{ older, newer Latency }

// learn takes in that a request was answered.
func (h *hedging) learn(kind string, status int, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case overloaded(status):
		h.credit = 0
	case status == http.StatusOK:
		h.credit = min(h.credit+1, hedgeBurst)
		g := h.peers[kind]
		if g == nil {
			if h.peers == nil {
				h.peers = make(map[string]*generations)
			}
			g = new(generations)
			h.peers[kind] = g
		}
		if g.newer.Count == hedgeGeneration {
			g.older, g.newer = g.newer, Latency{}
		}
		g.newer.add(took)
	}
}

// overloaded reports whether a status asks for fewer requests, not for more.
func overloaded(status int) bool { return status == http.StatusTooManyRequests || status >= 500 }

// late returns after which wait an answer is late, or 0 if that is not known.
func (h *hedging) late(kind string) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.peers[kind]
	if g == nil || g.older.Count+g.newer.Count < hedgeSample {
		return 0
	}
	recent := g.older
	recent.merge(&g.newer)
	p99 := recent.Quantile(0.99)
	return max(p99+hedgeMargin, p99*3/2, 2*recent.Quantile(0.5))
}

// pay reports whether a second request can be afforded, and takes its price.
func (h *hedging) pay() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.credit < hedgePrice {
		return false
	}
	h.credit -= hedgePrice
	h.counts.Sent++
	return true
}

func (h *hedging) sofar() Hedges {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts
}

func (h *hedging) won() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts.Won++
}

// claimSpare takes one of the client's own connections for a second request,
// if one is free and rate and credit allow. Whoever got it gives it back.
func (a *call) claimSpare() bool {
	c := a.client
	select {
	case c.slots <- struct{}{}:
	default:
		return false
	}
	if c.rate.Allow() && c.hedging.pay() {
		return true
	}
	<-c.slots
	return false
}

// sending is one request on the wire, and what came of it.
type sending struct {
	call   *call
	req    *http.Request
	cancel context.CancelCauseFunc
	reach  reach
	resp   *http.Response
	err    error
}

func (a *call) newSending(req *http.Request) *sending {
	ctx, cancel := context.WithCancelCause(req.Context())
	s := &sending{call: a, cancel: cancel}
	s.req = req.WithContext(httptrace.WithClientTrace(ctx, s.reach.trace()))
	return s
}

// do waits for the answer's headers.
func (s *sending) do() {
	defer func() {
		if p := recover(); p != nil {
			s.err = fmt.Errorf("panic: %v", p)
		}
	}()
	begun := time.Now()
	s.resp, s.err = s.call.client.transport.RoundTrip(s.req)
	if s.err == nil {
		s.call.client.hedging.learn(s.call.resource.name, s.resp.StatusCode, time.Since(begun))
	}
}

func (s *sending) discard() {
	s.cancel(nil)
	if s.resp != nil {
		s.resp.Body.Close()
	}
}

// send sends a request and, if its answer is later than those of nearly all
// its peers, sends it once more: what is late has often met a connection or a
// server that is stuck. The answer that begins first is returned, the other
// request cancelled and waited for. A call does this once.
func (a *call) send(req *http.Request) *sending {
	c, first := a.client, a.newSending(req)
	late := c.hedging.late(a.resource.name)
	if late == 0 || a.hedged {
		first.do()
		return first
	}
	var (
		second  = a.newSending(req)
		decided atomic.Bool // by the answer that began first
		ended   = make(chan struct{})
		due     = time.Now().Add(late)
	)
	timer := time.AfterFunc(late, func() {
		defer close(ended)
		if time.Since(due) > hedgeTimerSlack || !a.claimSpare() {
			return
		}
		a.hedged = true
		second.do()
		// That the server is overloaded helps nobody who waits already.
		if second.err == nil && !overloaded(second.resp.StatusCode) && decided.CompareAndSwap(false, true) {
			c.hedging.won()
			first.cancel(nil)
		}
	})
	first.do()
	if timer.Stop() {
		second.cancel(nil)
		return first
	}
	winner, loser := first, second
	if first.err == nil && decided.CompareAndSwap(false, true) {
		second.cancel(nil)
		<-ended
	} else if <-ended; decided.Load() {
		winner, loser = second, first
	}
	if a.hedged {
		<-c.slots
	}
	loser.discard()
	return winner
}
