package team

import (
	"sync"
	"time"
)

// timerSlack is how late our own timer may be.
const timerSlack = 10 * time.Millisecond

// stopwatch takes the time for which the bucket keeps somebody waiting: while it is asked for
// something, and somebody waits for that.
type stopwatch struct {
	patience time.Duration
	late     chan struct{} // closed when the patience is over

	mu     sync.Mutex
	left   time.Duration // of the patience
	asked  bool          // the bucket is
	waited bool          // somebody waits
	over   bool          // late is closed
	slow   bool          // this machine was, for this answer
	since  time.Time     // when it began to run
	timer  *time.Timer
}

func newStopwatch(patience time.Duration) *stopwatch {
	c := &stopwatch{patience: patience, late: make(chan struct{}), left: patience}
	c.timer = time.AfterFunc(time.Hour, c.judge)
	c.timer.Stop()
	return c
}

// ask says that the bucket is asked from now on.
func (c *stopwatch) ask() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = true
	c.startLocked()
}

// wait says that somebody waits from now on.
func (c *stopwatch) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.waited {
		c.waited = true
		c.startLocked()
	}
}

// stop says that the bucket has answered. The next answer has what is left of the patience.
func (c *stopwatch) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runsLocked() {
		c.timer.Stop()
		c.left -= time.Since(c.since)
	}
	c.asked = false
}

// renew gives the next answer all of the patience.
func (c *stopwatch) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.slow = c.patience, false
}

func (c *stopwatch) isLate() bool {
	select {
	case <-c.late:
		return true
	default:
		return false
	}
}

func (c *stopwatch) runsLocked() bool { return c.asked && c.waited }

func (c *stopwatch) startLocked() {
	if c.runsLocked() {
		c.since = time.Now()
		c.timer.Reset(c.left)
	}
}

// judge closes late, unless the timer itself is: then this machine is the slow one, and
// more requests would not help. That counts once for each answer, or nobody would be in
// time on a machine that always is.
func (c *stopwatch) judge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	over := time.Since(c.since) - c.left
	switch {
	case !c.runsLocked() || over < 0 || c.over: // it was stopped just now
	case over > timerSlack && !c.slow:
		c.left, c.slow = c.patience, true
		c.startLocked()
	default:
		c.over = true
		close(c.late)
	}
}
