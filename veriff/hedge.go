package veriff

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// hedgeTimerSlack is how late our own timer may be. Beyond it, this machine is
// the slow one, and more requests would not help.
const hedgeTimerSlack = 10 * time.Millisecond

// claimSpare takes a connection for a second request if one is free and rate
// and credit allow it. Whoever gets it gives it back.
func (a *call) claimSpare() bool {
	c := a.client
	select {
	case c.slots <- struct{}{}:
	default:
		return false
	}
	if c.rate.Allow() && c.hedging.Pay() {
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
	hedging := &s.call.client.hedging
	switch {
	case s.err != nil:
	case overloaded(s.resp.StatusCode):
		hedging.Overloaded()
	case s.resp.StatusCode == http.StatusOK:
		hedging.Learn(s.call.resource.name, time.Since(begun))
	}
}

// limited tells the throttle if the answer is 429, which nobody else may get to
// see.
func (s *sending) limited(sent time.Time) {
	if s.err == nil && s.resp.StatusCode == http.StatusTooManyRequests {
		s.call.rateLimited(sent, retryAfter(s.resp.Header, time.Now()), &APIError{Status: s.resp.StatusCode})
	}
}

// overloaded reports whether a status asks for fewer requests, not for more.
func overloaded(status int) bool { return status == http.StatusTooManyRequests || status >= 500 }

func (s *sending) discard() {
	s.cancel(nil)
	if s.resp != nil {
		s.resp.Body.Close()
	}
}

// send sends a request, and once more if its answer is later than those of
// nearly all its peers: it has often met a connection or a server that is
// stuck. It returns the answer that begins first, cancels the other request and
// waits for its end. A call is hedged once.
func (a *call) send(req *http.Request) *sending {
	c, first := a.client, a.newSending(req)
	late := c.hedging.Late(a.resource.name)
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
		sent := time.Now()
		second.do()
		second.limited(sent)
		// "Overloaded" is no answer to someone who is waiting already.
		if second.err == nil && !overloaded(second.resp.StatusCode) && decided.CompareAndSwap(false, true) {
			c.hedging.Won()
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
