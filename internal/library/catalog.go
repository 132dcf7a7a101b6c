package library

import (
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/veriff"
)

// catalogKey is the cache key of the catalog as it was last written.
const catalogKey cache.Key = "catalog"

// catalogDelay is how long changes of the catalog gather before it is
// written: what a kill -9 can lose is asked of the API again.
const catalogDelay = 2 * time.Second

// catalog is what must be the same after every remount and is not worth a
// look into a sealed object for each stat: the attempts of each session and
// when they began, the true length of objects whose listing was wrong, and
// the numbers of names that were given in another order than that of the ids.
type catalog struct {
	mu       sync.RWMutex
	attempts map[veriff.SessionID][]attempt // newest first, as the API lists them
	sessions map[veriff.AttemptID]veriff.SessionID
	latest   int64                    // of all dates, unix milliseconds
	version  uint64                   // grows with every change of attempts
	sizes    map[veriff.MediaID]int64 // bytes
	numbers  map[veriff.MediaID]int64 // see contexts.go
	dirty    chan struct{}            // holds one token while there are changes to write
	graves   graves                   // see tombstones.go
	losses   uint64                   // grows with every loss
	loss     chan struct{}            // holds one token when there are new ones

	writing sync.Mutex // orders the writes, so that the last one is the newest
}

// attempt is what is remembered of an attempt. There may be a million.
type attempt struct {
	id      veriff.AttemptID
	created int64 // unix milliseconds, 0 if the API gave no date
}

func (c *catalog) clear() {
	c.attempts = make(map[veriff.SessionID][]attempt)
	c.sessions = make(map[veriff.AttemptID]veriff.SessionID)
	c.sizes = make(map[veriff.MediaID]int64)
	c.numbers = make(map[veriff.MediaID]int64)
	c.graves = newGraves()
	c.latest = 0
}

// date is the time of unix milliseconds, of which 0 is none.
func date(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// newestLocked returns the newest attempt of a session, or the zero attempt.
func (c *catalog) newestLocked(id veriff.SessionID) attempt {
	if all := c.attempts[id]; len(all) > 0 {
		return all[0]
	}
	return attempt{}
}

// newest returns a session's newest attempt and its date, zero if not known.
func (c *catalog) newest(id veriff.SessionID) (veriff.AttemptID, time.Time) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	a := c.newestLocked(id)
	return a.id, date(a.created)
}

// attempt returns whose attempt it is and when it began: zero if not known.
func (c *catalog) attempt(id veriff.AttemptID) (veriff.SessionID, time.Time) {
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

// dated returns sessions with the dates of their newest attempts.
func (c *catalog) dated(ids []veriff.SessionID) []datedSession {
	c.mu.RLock()
	defer c.mu.RUnlock()
	dates := make([]datedSession, len(ids))
	for i, id := range ids {
		dates[i] = datedSession{c.newestLocked(id).created, id}
	}
	return dates
}

// of returns the attempts of a session, newest first.
func (c *catalog) of(id veriff.SessionID) []veriff.AttemptID {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var ids []veriff.AttemptID
	for _, a := range c.attempts[id] {
		ids = append(ids, a.id)
	}
	return ids
}

// each calls f for every attempt known, in no order.
func (c *catalog) each(f func(veriff.SessionID, veriff.AttemptID)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for session, all := range c.attempts {
		for _, a := range all {
			f(session, a.id)
		}
	}
}

func (c *catalog) attemptsVersion() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.version
}

// latestDate returns the latest of all dates, or the zero time.
func (c *catalog) latestDate() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return date(c.latest)
}

// setAttempts remembers, or with none forgets, a session's attempts, and
// reports whether that is a change, and one of the latest date.
func (c *catalog) setAttempts(id veriff.SessionID, listed []veriff.Attempt) (changed, latest bool) {
	all := make([]attempt, len(listed))
	for i, a := range listed {
		all[i] = attempt{a.ID, milliseconds(a.Created)}
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

func (c *catalog) putLocked(id veriff.SessionID, all []attempt) {
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

// size returns the true length of an object whose listing was found wrong.
func (c *catalog) size(id veriff.MediaID) (int64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n, ok := c.sizes[id]
	return n, ok
}

// setSize remembers an object's true length and reports whether that is new.
func (c *catalog) setSize(id veriff.MediaID, n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.sizes[id]; ok && old == n {
		return false
	}
	c.sizes[id] = n
	c.markLocked()
	return true
}

// number returns the number of a file's name in by-context/ if it is not the
// one that the order of ids gives.
func (c *catalog) number(id veriff.MediaID) (int, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n, ok := c.numbers[id]
	return int(n), ok
}

// setNumbers remembers the numbers of files, forgets those of others, and
// reports whether that is a change.
func (c *catalog) setNumbers(numbers map[veriff.MediaID]int, forget []File) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.numbers)
	for i := range forget {
		delete(c.numbers, forget[i].ID)
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

func (c *catalog) markLocked() {
	select {
	case c.dirty <- struct{}{}:
	default:
	}
}

// load reads the catalog of the last mount. Without one, or with one that
// does not decode, it starts empty: everything in it can be had again.
func (c *catalog) load(store *cache.Cache, log *slog.Logger) {
	c.dirty, c.loss = make(chan struct{}, 1), make(chan struct{}, 1)
	c.clear()
	o, ok := store.Get(catalogKey)
	if !ok {
		return
	}
	defer o.Close()
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err == nil {
		err = c.decode(b)
	}
	if err != nil {
		c.clear()
		log.Warn("the catalog of the last mount could not be read: dates show once sessions are entered", "error", err)
	}
}

// save writes the catalog if it has changed since it was last written.
func (c *catalog) save(store *cache.Cache) {
	c.writing.Lock()
	defer c.writing.Unlock()
	select {
	case <-c.dirty:
	default:
		return
	}
	c.mu.RLock()
	b := c.encode()
	empty := len(c.attempts)+len(c.sizes)+len(c.numbers) == 0 && c.graves.empty()
	c.mu.RUnlock()
	if empty { // after an erasure
		store.Remove(catalogKey)
		return
	}
	w, err := store.Create(catalogKey, int64(len(b)))
	if err != nil {
		return // the cache has said why
	}
	if _, err := w.Write(b); err != nil {
		w.Abort()
		return
	}
	if o, err := w.Commit(nil); err == nil {
		o.Close()
	}
}

// keepCatalog writes the catalog a while after each change.
func (l *Library) keepCatalog() {
	for {
		select {
		case <-l.life.Done():
			return
		case <-l.catalog.dirty:
		}
		select {
		case <-l.life.Done():
		case <-time.After(catalogDelay):
		}
		l.catalog.mark()
		l.catalog.save(l.cache)
	}
}

func (c *catalog) mark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markLocked()
}
