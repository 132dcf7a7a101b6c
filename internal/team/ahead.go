package team

import (
	"sync"
	"time"
)

const (
	// aheadFirst is how many objects nobody waits for are asked for at once in the beginning.
	aheadFirst = 8
	// aheadMost and aheadLeast bound that later.
	aheadMost, aheadLeast = 32, 1
	// aheadGrowth is how many more an object in time makes it until one was late.
	aheadGrowth = 0.5
	// aheadSteps is how often all of them are in time before there is one more after that.
	aheadSteps = 8
)

// ahead limits how many objects are asked for that nobody waits for yet: as TCP does its
// window. It is halved when an object keeps somebody waiting for too long, since then the
// bucket, or the way to it, may be busy, also with what others ask it for. More requests at
// once make nothing faster there, and have more files asked of the API as well.
type ahead struct {
	mu     sync.Mutex
	width  float64
	halved time.Time // zero: not yet
}

func newAhead() *ahead { return &ahead{width: aheadFirst} }

func (a *ahead) limit() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int(a.width)
}

func (a *ahead) inTime() {
	a.mu.Lock()
	defer a.mu.Unlock()
	growth := aheadGrowth
	if !a.halved.IsZero() {
		growth = 1 / (aheadSteps * a.width)
	}
	a.width = min(a.width+growth, aheadMost)
}

// late is told of an object that was asked for at begun. Those that were asked for at the
// same time count once.
func (a *ahead) late(begun time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !begun.Before(a.halved) {
		a.width, a.halved = max(a.width/2, aheadLeast), time.Now()
	}
}
