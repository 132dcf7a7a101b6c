package library

import (
	"context"
	"slices"
	"sync"
)

// lanes share the connections between those who wait and those who don't: a
// request that somebody waits for goes first, one that runs ahead of a walk
// gets what is left. Nothing under way is taken back.
type lanes struct {
	mu     sync.Mutex
	free   int
	urgent []*ticket // first come, first served
	idle   []*ticket
	waited int // claims that somebody waits for

	held func() bool // no request goes out at present
}

// claim is the standing of one piece of work, and its life. It is urgent from
// the first moment that somebody waits for the result.
type claim struct {
	ctx    context.Context
	cancel context.CancelFunc
	urgent bool // guarded by lanes.mu
}

type ticket struct {
	claim *claim
	mine  chan struct{} // closed when the lane is its
}

// newClaim returns a claim that ends with life.
func (l *lanes) newClaim(life context.Context, urgent bool) *claim {
	c := &claim{urgent: urgent}
	c.ctx, c.cancel = context.WithCancel(life)
	if urgent {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.waited++
	}
	return c
}

// end is the end of a claim's work.
func (l *lanes) end(c *claim) {
	c.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.urgent {
		l.waited--
	}
}

// acquire waits for a lane; whoever got one gives it back.
func (l *lanes) acquire(c *claim) error {
	l.mu.Lock()
	if c.ctx.Err() == nil && l.free > 0 {
		l.free--
		l.mu.Unlock()
		return nil
	}
	t := &ticket{claim: c, mine: make(chan struct{})}
	if c.urgent {
		l.urgent = append(l.urgent, t)
	} else {
		l.idle = append(l.idle, t)
	}
	l.mu.Unlock()

	select {
	case <-t.mine:
		return nil
	case <-c.ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-t.mine: // it was handed over meanwhile
		l.giveLocked()
	default:
		is := func(other *ticket) bool { return other == t }
		l.urgent = slices.DeleteFunc(l.urgent, is)
		l.idle = slices.DeleteFunc(l.idle, is)
	}
	return c.ctx.Err()
}

// through makes a call once there is a lane for it.
func (l *lanes) through(c *claim, call func() error) error {
	if err := l.acquire(c); err != nil {
		return err
	}
	defer l.give()
	return call()
}

// give returns a lane.
func (l *lanes) give() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveLocked()
}

func (l *lanes) giveLocked() {
	for _, queue := range []*[]*ticket{&l.urgent, &l.idle} {
		if len(*queue) > 0 {
			t := (*queue)[0]
			*queue = slices.Delete(*queue, 0, 1)
			close(t.mine)
			return
		}
	}
	l.free++
}

// raise makes a claim urgent, because somebody waits for it now. It reports
// false if the claim was given up already.
func (l *lanes) raise(c *claim) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	if c.urgent {
		return true
	}
	c.urgent = true
	l.waited++
	l.idle = slices.DeleteFunc(l.idle, func(t *ticket) bool {
		if t.claim != c {
			return false
		}
		l.urgent = append(l.urgent, t)
		return true
	})
	return true
}

// busy reports whether somebody waits for anything.
func (l *lanes) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waited > 0
}

// giveUp ends a claim unless somebody waits for it.
func (l *lanes) giveUp(c *claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.urgent {
		c.cancel()
	}
}
