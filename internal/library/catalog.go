package library

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"maps"
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
// look into a sealed object for each stat: when the newest attempt of each
// session began, and the true length of objects whose listing was wrong.
type catalog struct {
	mu    sync.RWMutex
	dates map[veriff.SessionID]int64 // unix milliseconds
	sizes map[veriff.MediaID]int64   // bytes
	dirty chan struct{}              // holds one token while there are changes to write
}

// created returns the date of a session's newest attempt, or the zero time.
func (c *catalog) created(id veriff.SessionID) time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if ms, ok := c.dates[id]; ok {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// newest returns the latest of all dates, or the zero time.
func (c *catalog) newest() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.dates) == 0 {
		return time.Time{}
	}
	return time.UnixMilli(slices.Max(slices.Collect(maps.Values(c.dates))))
}

// setCreated remembers, or with the zero time forgets, a session's date. It
// reports whether that is a change.
func (c *catalog) setCreated(id veriff.SessionID, t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, known := c.dates[id]
	if t.IsZero() {
		delete(c.dates, id)
	} else {
		c.dates[id] = t.UnixMilli()
	}
	changed := known == t.IsZero() || known && old != t.UnixMilli()
	if changed {
		c.markLocked()
	}
	return changed
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

func (c *catalog) markLocked() {
	select {
	case c.dirty <- struct{}{}:
	default:
	}
}

// load reads the catalog of the last mount. Without one, or with one that
// does not decode, it starts empty: everything in it can be had again.
func (c *catalog) load(store *cache.Cache, log *slog.Logger) {
	c.dirty = make(chan struct{}, 1)
	c.dates = make(map[veriff.SessionID]int64)
	c.sizes = make(map[veriff.MediaID]int64)
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
		clear(c.dates)
		clear(c.sizes)
		log.Warn("the catalog of the last mount could not be read: dates show once sessions are entered", "error", err)
	}
}

// save writes the catalog if it has changed since it was last written.
func (c *catalog) save(store *cache.Cache) {
	select {
	case <-c.dirty:
	default:
		return
	}
	c.mu.RLock()
	b := c.encode()
	empty := len(c.dates)+len(c.sizes) == 0
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
		case <-l.dates.dirty:
		}
		select {
		case <-l.life.Done():
		case <-time.After(catalogDelay):
		}
		l.dates.mark()
		l.dates.save(l.cache)
	}
}

func (c *catalog) mark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markLocked()
}

// catalogVersion is the first byte of an encoded catalog: two tables follow,
// each a count and as many records of an id and a number, big-endian.
const catalogVersion = 1

const catalogRecord = 16 + 8

func (c *catalog) encode() []byte {
	b := make([]byte, 0, 1+8+catalogRecord*(len(c.dates)+len(c.sizes)))
	b = append(b, catalogVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.dates)))
	for id, ms := range c.dates {
		b = binary.BigEndian.AppendUint64(append(b, id[:]...), uint64(ms))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.sizes)))
	for id, n := range c.sizes {
		b = binary.BigEndian.AppendUint64(append(b, id[:]...), uint64(n))
	}
	return b
}

func (c *catalog) decode(b []byte) error {
	if len(b) == 0 || b[0] != catalogVersion {
		return errors.New("library: catalog of another version")
	}
	b, ok := decodeTable(b[1:], func(id [16]byte, n int64) { c.dates[veriff.SessionID(id)] = n })
	if ok {
		b, ok = decodeTable(b, func(id [16]byte, n int64) { c.sizes[veriff.MediaID(id)] = n })
	}
	if !ok || len(b) > 0 {
		return errors.New("library: malformed catalog")
	}
	return nil
}

func decodeTable(b []byte, put func(id [16]byte, n int64)) (rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, false
	}
	count := int(binary.BigEndian.Uint32(b))
	b = b[4:]
	if count > len(b)/catalogRecord {
		return nil, false
	}
	for range count {
		put([16]byte(b), int64(binary.BigEndian.Uint64(b[16:])))
		b = b[catalogRecord:]
	}
	return b, true
}
