// Package catalog remembers what must be the same after every remount and is
// not worth a look into a sealed object for each stat: the attempts of each
// session and when they began, the true length of files whose listing was
// wrong, the numbers of names that were given in another order than that of the
// ids, and who has gone and is still to be erased.
//
// Promises: what Encode returns, Decode brings back. A catalog is bounded by the
// sessions that were ever entered. It does no I/O: whoever has it writes it
// down when Changed says so.
//
// A [Catalog] is safe for concurrent use; it has one lock, held for memory only.
package catalog

import (
	"iter"
	"slices"
	"sync"
	"time"

	"veriffs/veriff"
)

// Catalog is what is remembered. Make one with New.
type Catalog struct {
	// Losses are the sessions and attempts that have gone and are to be erased.
	Losses *Losses

	changed chan struct{} // holds one token while there are changes to write

	mu       sync.RWMutex
	attempts map[veriff.SessionID][]attempt // newest first, as the API lists them
	sessions map[veriff.AttemptID]veriff.SessionID
	latest   int64                    // of all dates, unix milliseconds
	version  uint64                   // grows with every change of attempts
	sizes    map[veriff.MediaID]int64 // bytes
	numbers  map[veriff.MediaID]int64
}

// attempt is what is remembered of an attempt. There may be a million.
type attempt struct {
	id      veriff.AttemptID
	created int64 // unix milliseconds, 0 if the API gave no date
}

// New returns an empty catalog.
func New() *Catalog {
	c := &Catalog{changed: make(chan struct{}, 1)}
	c.Losses = &Losses{catalog: c, arrived: make(chan struct{}, 1)}
	c.clear()
	return c
}

// Changed is readable when there is something to write down.
func (c *Catalog) Changed() <-chan struct{} { return c.changed }

func (c *Catalog) clear() {
	c.attempts = make(map[veriff.SessionID][]attempt)
	c.sessions = make(map[veriff.AttemptID]veriff.SessionID)
	c.sizes = make(map[veriff.MediaID]int64)
	c.numbers = make(map[veriff.MediaID]int64)
	c.Losses.lost = newLost()
	c.latest = 0
}

// date is the time of unix milliseconds, of which 0 is none.
func date(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// Milliseconds is a time as Dated has it.
func Milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// newestLocked returns the newest attempt of a session, or the zero attempt.
func (c *Catalog) newestLocked(id veriff.SessionID) attempt {
	if all := c.attempts[id]; len(all) > 0 {
		return all[0]
	}
	return attempt{}
}

// Newest returns a session's newest attempt and its date, zero if not known.
func (c *Catalog) Newest(id veriff.SessionID) (veriff.AttemptID, time.Time) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	a := c.newestLocked(id)
	return a.id, date(a.created)
}

// Attempt returns whose attempt it is and when it began: zero if not known.
func (c *Catalog) Attempt(id veriff.AttemptID) (veriff.SessionID, time.Time) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	session := c.sessions[id]
	for _, a := range c.attempts[session] {
		if a.id == id {
			return session, date(a.created)
		}
	}
	return veriff.SessionID{}, time.Time{}
}

// Dated is a session with the date of its newest attempt.
type Dated struct {
	Created int64 // unix milliseconds, 0 if not known
	Session veriff.SessionID
}

// Dated returns sessions with their dates, in their order.
func (c *Catalog) Dated(ids []veriff.SessionID) []Dated {
	c.mu.RLock()
	defer c.mu.RUnlock()
	dates := make([]Dated, len(ids))
	for i, id := range ids {
		dates[i] = Dated{c.newestLocked(id).created, id}
	}
	return dates
}

// Of returns the attempts of a session, newest first.
func (c *Catalog) Of(id veriff.SessionID) []veriff.AttemptID {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var ids []veriff.AttemptID
	for _, a := range c.attempts[id] {
		ids = append(ids, a.id)
	}
	return ids
}

// All yields every attempt known with its session, in no order. The catalog is
// locked meanwhile.
func (c *Catalog) All() iter.Seq2[veriff.SessionID, veriff.AttemptID] {
	return func(yield func(veriff.SessionID, veriff.AttemptID) bool) {
		c.mu.RLock()
		defer c.mu.RUnlock()
		for session, all := range c.attempts {
			for _, a := range all {
				if !yield(session, a.id) {
					return
				}
			}
		}
	}
}

// Version grows with every change of the attempts.
func (c *Catalog) Version() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.version
}

// Latest returns the latest of all dates, or the zero time.
func (c *Catalog) Latest() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return date(c.latest)
}

// SetAttempts remembers, or with none forgets, a session's attempts, and
// reports whether that is a change, and one of the latest date.
func (c *Catalog) SetAttempts(id veriff.SessionID, listed []veriff.Attempt) (changed, latest bool) {
	all := make([]attempt, len(listed))
	for i, a := range listed {
		all[i] = attempt{a.ID, Milliseconds(a.Created)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Equal(c.attempts[id], all) {
		return false, false
	}
	before := c.latest
	c.putLocked(id, all)
	c.version++
	c.markLocked()
	return true, c.latest != before
}

func (c *Catalog) putLocked(id veriff.SessionID, all []attempt) {
	old := c.newestLocked(id).created
	for _, a := range c.attempts[id] {
		if c.sessions[a.id] == id {
			delete(c.sessions, a.id)
		}
	}
	if len(all) == 0 {
		delete(c.attempts, id)
	} else {
		c.attempts[id] = all
	}
	for _, a := range all {
		c.sessions[a.id] = id
	}
	switch now := c.newestLocked(id).created; {
	case now >= c.latest:
		c.latest = now
	case old == c.latest:
		c.latest = 0
		for other := range c.attempts {
			c.latest = max(c.latest, c.newestLocked(other).created)
		}
	}
}

// Size returns the true length of an object whose listing was found wrong.
func (c *Catalog) Size(id veriff.MediaID) (int64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n, ok := c.sizes[id]
	return n, ok
}

// SetSize remembers an object's true length and reports whether that is new.
func (c *Catalog) SetSize(id veriff.MediaID, n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.sizes[id]; ok && old == n {
		return false
	}
	c.sizes[id] = n
	c.markLocked()
	return true
}

// Number returns the number of a file's name in by-context/ if it is not the
// one that the order of ids gives.
func (c *Catalog) Number(id veriff.MediaID) (int, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n, ok := c.numbers[id]
	return int(n), ok
}

// SetNumbers remembers the numbers of files, forgets those of others, and
// reports whether that is a change.
func (c *Catalog) SetNumbers(numbers map[veriff.MediaID]int, forget []veriff.MediaID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.numbers)
	for _, id := range forget {
		delete(c.numbers, id)
	}
	for id, n := range numbers {
		c.numbers[id] = int64(n)
	}
	changed := len(numbers) > 0 || len(c.numbers) != before
	if changed {
		c.markLocked()
	}
	return changed
}

func (c *Catalog) markLocked() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// Mark makes Changed readable, though nothing has changed.
func (c *Catalog) Mark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markLocked()
}

// ForgetFiles drops what is known of files.
func (c *Catalog) ForgetFiles(files map[veriff.MediaID]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.sizes) + len(c.numbers)
	for id := range files {
		delete(c.sizes, id)
		delete(c.numbers, id)
	}
	if len(c.sizes)+len(c.numbers) != before {
		c.markLocked()
	}
}

// Clear forgets everything. There is nothing worth writing after it.
func (c *Catalog) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	c.version++
	select {
	case <-c.changed:
	default:
	}
}
