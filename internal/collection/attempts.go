package collection

import (
	"iter"
	"slices"
	"sync"
	"time"

	"veriffs/veriff"
)

// Attempts is the sorted set of the attempts that are known, less those that the
// API said are gone. It is made when somebody looks.
type Attempts struct {
	now   func() time.Time
	known func() (all iter.Seq[veriff.AttemptID], version uint64)

	mu      sync.Mutex
	gone    tombstones[veriff.AttemptID]
	version uint64 // grows with every change of the tombstones

	ids   []veriff.AttemptID
	made  uint64    // of which version of known and of the tombstones ids were made
	until time.Time // when a tombstone falls that ids were made with; zero for never
}

// NewAttempts returns the set of what known returns, whose version only ever
// grows.
func NewAttempts(now func() time.Time, known func() (iter.Seq[veriff.AttemptID], uint64)) *Attempts {
	return &Attempts{now: now, known: known}
}

// All returns the set in order, and a number that changes when the answer may
// have. The slice must not be changed.
func (a *Attempts) All() ([]veriff.AttemptID, uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if !a.until.IsZero() && !now.Before(a.until) {
		a.version++
		a.until = time.Time{}
	}
	all, known := a.known()
	version := 1 + known + a.version
	if a.made == version {
		return a.ids, version
	}
	var ids []veriff.AttemptID
	a.until = time.Time{}
	for id := range all {
		if a.gone.stands(id, now) {
			a.until = earlier(a.until, a.gone.until[id])
		} else {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, veriff.AttemptID.Compare)
	a.ids, a.made = slices.Compact(ids), version
	return a.ids, version
}

// Gone reports whether the API said that it does not have an attempt, not long
// ago.
func (a *Attempts) Gone(id veriff.AttemptID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gone.stands(id, a.now())
}

// Lose takes an attempt out of the set until then.
func (a *Attempts) Lose(id veriff.AttemptID, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone.put(id, until) {
		a.gone.stray(id, func(veriff.AttemptID) bool { return false })
	}
	a.version++
}

// Restore takes back that an attempt was lost.
func (a *Attempts) Restore(id veriff.AttemptID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone.remove(id) {
		a.version++
	}
}
