package index

import (
	"errors"
	"sync"
	"time"

	"veriffs/cache/seal"
)

const (
	// loadPatience is how long a write waits for the index to be loaded
	// before it does without the disk.
	loadPatience = 2 * time.Second
	// DiskPatience is how long a read or a write waits for another goroutine's
	// work on the disk before it does without the disk.
	DiskPatience = 5 * time.Second
	// ErasePatience is the same for a removal, which can't do without.
	ErasePatience = 30 * time.Second
)

// ErrBusy says that another goroutine works on a file, and has not ended.
var ErrBusy = errors.New("the disk does not answer")

// await waits until done returns true or patience has passed, and reports
// which. The caller holds changed.L, which done may rely on.
func await(changed *sync.Cond, patience time.Duration, done func() bool) bool {
	if done() {
		return true
	}
	end := time.Now().Add(patience)
	timer := time.AfterFunc(patience, func() {
		changed.L.Lock()
		defer changed.L.Unlock()
		changed.Broadcast()
	})
	defer timer.Stop()
	for time.Now().Before(end) {
		changed.Wait()
		if done() {
			return true
		}
	}
	return false
}

// Claim waits until nobody works on the file of this name, keeps others from
// it until Unclaim, and returns what is known of it.
func (x *Index) Claim(n seal.Name, patience time.Duration) (e Entry, known bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !await(&x.changed, patience, func() bool { return !x.busy[n] }) {
		return e, false, ErrBusy
	}
	x.busy[n] = true
	e, known = x.objects.lru.Peek(n)
	return e, known, nil
}

// Unclaim ends a claim.
func (x *Index) Unclaim(n seal.Name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.busy, n)
	x.changed.Broadcast()
}

// Lookup returns what is known of a name that nobody has claimed. While the
// index is loading there may be an object that is not known.
func (x *Index) Lookup(n seal.Name) (e Entry, known, loading bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !await(&x.changed, DiskPatience, func() bool { return !x.busy[n] }) {
		return e, false, false
	}
	e, known = x.objects.lru.Peek(n)
	return e, known, x.objects.loading
}
