package team

import (
	"context"
	"sync"
	"time"
)

const (
	// failures in a row make a breaker open.
	failures = 4
	// An open breaker lets one attempt through after a pause, which doubles.
	pauseFirst   = time.Second
	pauseLongest = 30 * time.Second
)

// breaker leaves a bucket alone that fails again and again.
type breaker struct {
	opened func(error) // told once for each outage, without the lock
	closed func()

	mu     sync.Mutex
	row    int       // failures in a row
	err    error     // the last of them, while open
	until  time.Time // when the next attempt may be made
	pause  time.Duration
	trying bool          // that attempt is under way
	change chan struct{} // closed and replaced when it opens or closes, or an attempt may be possible again
}

func newBreaker(opened func(error), closed func()) *breaker {
	return &breaker{opened: opened, closed: closed, change: make(chan struct{})}
}

// allow reports whether an attempt may be made. Each that was allowed ends with
// succeeded, failed or leave.
func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		return true
	}
	if b.trying || time.Now().Before(b.until) {
		return false
	}
	b.trying = true
	return true
}

// succeeded ends an attempt that got an answer.
func (b *breaker) succeeded() {
	b.mu.Lock()
	was := b.err
	b.row, b.err, b.pause = 0, nil, 0
	if was != nil {
		b.trying = false
		b.wakeLocked()
	}
	b.mu.Unlock()
	if was != nil {
		b.closed()
	}
}

// failed ends an attempt that did not.
func (b *breaker) failed(err error) {
	b.mu.Lock()
	b.row++
	opens := b.row >= failures && b.err == nil
	if opens || b.trying {
		b.err, b.trying = err, false
		b.pause = min(max(2*b.pause, pauseFirst), pauseLongest)
		b.until = time.Now().Add(b.pause)
		b.wakeLocked()
	}
	b.mu.Unlock()
	if opens {
		b.opened(err)
	}
}

// leave ends an attempt of which nothing was learnt.
func (b *breaker) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trying {
		b.trying = false
		b.wakeLocked()
	}
}

func (b *breaker) wakeLocked() {
	close(b.change)
	b.change = make(chan struct{})
}

// why returns why the bucket is left alone, nil if it is not.
func (b *breaker) why() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// state is why, with a channel that is closed once that may have changed.
func (b *breaker) state() (change <-chan struct{}, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.change, b.err
}

// doubtful reports whether the last attempt that ended has failed.
func (b *breaker) doubtful() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.row > 0
}

// wait is allow for those who can wait. It returns false when ctx has ended.
func (b *breaker) wait(ctx context.Context) bool {
	for ctx.Err() == nil {
		if b.allow() {
			return true
		}
		b.mu.Lock()
		change, pause := b.change, time.Until(b.until)
		if b.trying {
			pause = pauseLongest // its outcome is a change
		}
		b.mu.Unlock()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-change:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return false
}
