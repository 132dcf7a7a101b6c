package cache

import (
	"errors"
	"io/fs"
	"maps"
	"time"
)

const (
	// diskPatience is how long a read or a write waits for what somebody else
	// does on the disk before it does without the disk.
	diskPatience = 5 * time.Second
	// erasePatience is the same for who removes a file, and would leave it.
	erasePatience = 30 * time.Second
)

var errBusy = errors.New("the disk does not answer")

// awaitLocked waits until done says yes, and reports whether it did in time.
func (x *index) awaitLocked(patience time.Duration, done func() bool) bool {
	if done() {
		return true
	}
	end := time.Now().Add(patience)
	timer := time.AfterFunc(patience, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.changed.Broadcast()
	})
	defer timer.Stop()
	for time.Now().Before(end) {
		x.changed.Wait()
		if done() {
			return true
		}
	}
	return false
}

// claim waits until nobody works on the file of this name and then keeps
// others from it until unclaim.
func (x *index) claim(n name, patience time.Duration) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.awaitLocked(patience, func() bool { return !x.busy[n] }) {
		return errBusy
	}
	x.busy[n] = true
	return nil
}

func (x *index) unclaim(n name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.busy, n)
	x.changed.Broadcast()
}

// lookup says what is known of a name that nobody has claimed. While the
// index is loading, not to be known means nothing. A name that stays claimed
// is not known.
func (x *index) lookup(n name) (e entry, known, loading bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.awaitLocked(diskPatience, func() bool { return !x.busy[n] }) {
		return e, false, false
	}
	e, known = x.peekLocked(n)
	return e, known, x.loading
}

// lose forgets n, whose file can't be removed: its bytes stay counted.
func (x *index) lose(n name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, ok := x.takeLocked(n); ok {
		x.lost[n] = e
	}
}

func (x *index) losses() map[name]entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.lost)
}

// removeLost removes files that could not be removed when they should have
// been. One that still can't be says nothing about the disk.
func (c *Cache) removeLost() {
	for n, e := range c.index.losses() {
		s, d := c.secrets[e.secret], c.dir.Load()
		if c.index.claim(n, erasePatience) != nil {
			continue
		}
		// Who committed an object of this name meanwhile replaced the file.
		if _, still := c.index.losses()[n]; still {
			err := d.root.Remove(s.path(n))
			if err == nil {
				err = d.sync(s.shard(n))
			}
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				c.index.drop(n)
			}
		}
		c.index.unclaim(n)
	}
}
