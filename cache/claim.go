package cache

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
	// diskPatience is how long a read or a write waits for another goroutine's
	// work on the disk before it does without the disk.
	diskPatience = 5 * time.Second
	// erasePatience is the same for a removal, which can't do without.
	erasePatience = 30 * time.Second
)

var errBusy = errors.New("the disk does not answer")

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

// claim waits until nobody works on the file of this name, keeps others from
// it until unclaim, and returns what is known of it.
func (x *index) claim(n seal.Name, patience time.Duration) (e entry, known bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !await(&x.changed, patience, func() bool { return !x.busy[n] }) {
		return e, false, errBusy
	}
	x.busy[n] = true
	e, known = x.objects.lru.Peek(n)
	return e, known, nil
}

func (x *index) unclaim(n seal.Name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.busy, n)
	x.changed.Broadcast()
}

// lookup returns what is known of a name that nobody has claimed. While the
// index is loading there may be an object that is not known.
func (x *index) lookup(n seal.Name) (e entry, known, loading bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !await(&x.changed, diskPatience, func() bool { return !x.busy[n] }) {
		return e, false, false
	}
	e, known = x.objects.lru.Peek(n)
	return e, known, x.loading
}
