package cache

import (
	"maps"
	"sync"
	"time"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
)

// index knows every object and counts every byte. It does no I/O.
type index struct {
	limit int64

	mu      sync.Mutex
	changed sync.Cond // used, busy, loading or closed changed

	objects objects
	busy    map[seal.Name]bool         // claimed: the file is being replaced or removed
	lost    map[seal.Name]entry        // can't be had any more, but the file could not be removed
	dirs    map[string]directory.Usage // directories themselves, and all that is in foreign ones

	used     int64 // bytes on disk: objects, files unlinked but open, reservations, directories
	freeing  int64 // of them, being unlinked to make room
	reserved int64 // of them, promised to writers

	loading bool
	gone    map[seal.Name]bool // removed while loading; the loader may have seen them before
	closed  bool
}

func newIndex(limit int64) *index {
	x := &index{
		limit:   limit,
		objects: newObjects(),
		busy:    map[seal.Name]bool{},
		lost:    map[seal.Name]entry{},
		dirs:    map[string]directory.Usage{},
		gone:    map[seal.Name]bool{},
		loading: true,
	}
	x.changed.L = &x.mu
	return x
}

func (x *index) isLoading() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.loading
}

// loaded ends the loading: all, least recently used first, is what the
// directory held. What happened meanwhile takes precedence.
func (x *index) loaded(all []found) {
	lru, bytes := newLRU(), int64(0) // before the lock: a million objects take half a second
	for _, f := range all {
		lru.Add(f.Name, f.entry)
		bytes += f.size
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.used += x.objects.merge(lru, bytes, x.gone)
	clear(x.gone)
	x.loading = false
	x.changed.Broadcast()
}

// close ends all waiting.
func (x *index) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	x.changed.Broadcast()
}

// takeLocked removes the entry of n for good and leaves its bytes in used.
func (x *index) takeLocked(n seal.Name) (entry, bool) {
	if x.loading {
		x.gone[n] = true
	}
	return x.objects.take(n)
}

// drop forgets n, whose file is no longer there. What a reader has open stays
// counted until it is closed.
func (x *index) drop(n seal.Name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dropLocked(n)
}

func (x *index) dropLocked(n seal.Name) {
	e, ok := x.takeLocked(n)
	if !ok {
		if e, ok = x.lost[n]; !ok {
			return
		}
		delete(x.lost, n)
	}
	if h := x.objects.held(n, e); h != nil {
		h.gone = true
		return
	}
	x.settleLocked(0, -e.size)
}

// lose forgets n, whose file can't be removed: its bytes stay counted.
func (x *index) lose(n seal.Name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, ok := x.takeLocked(n); ok {
		x.lost[n] = e
	}
}

func (x *index) losses() map[seal.Name]entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.lost)
}

// hold counts a reader of the open file e of n and makes it the most recently
// used. It returns nil if e is not the file of n any more. With touch, the
// time of the last use is due to be written to the disk.
func (x *index) hold(n seal.Name, e entry, now time.Time) (h *held, touch bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old, known := x.objects.lru.Peek(n)
	switch {
	case known && old.ino == e.ino:
		e = old
	case !known && x.loading && !x.gone[n] && !x.busy[n]:
		x.used += e.size
		x.objects.add(n, e)
	default:
		return nil, false
	}
	if touch = max(now.Unix()-e.used, e.used-now.Unix()) >= touchSeconds; touch {
		e.used = now.Unix()
	}
	x.objects.lru.Add(n, e) // replaces the value and moves it to the front
	return x.objects.hold(n, e), touch
}

// release undoes hold. It comes before the file is closed, since another one
// may get its inode from then on; what it returns is to be settled after that.
func (x *index) release(h *held) (bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	last := x.objects.release(h)
	x.changed.Broadcast()
	if last && h.gone {
		return h.size
	}
	return 0
}

func (x *index) isOpen(n seal.Name, e entry) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.objects.held(n, e) != nil
}

// publish makes the open file e the object n, whose bytes were reserved, and
// counts its writer as a reader.
func (x *index) publish(n seal.Name, e entry, reserved int64) *held {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dropLocked(n)
	x.settleLocked(reserved, e.size)
	x.objects.add(n, e)
	return x.objects.hold(n, e)
}

// adopt counts an open file that has no name, as publish does for one that has.
func (x *index) adopt(e entry, reserved int64) *held {
	x.settle(reserved, e.size)
	return &held{ino: e.ino, size: e.size, refs: 1, gone: true}
}

// settle ends a reservation, and counts the bytes that came onto the disk or,
// if negative, went.
func (x *index) settle(reserved, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.settleLocked(reserved, bytes)
}

func (x *index) settleLocked(reserved, bytes int64) {
	x.reserved -= reserved
	x.used += bytes - reserved
	x.changed.Broadcast()
}

// setDir counts what a directory takes.
func (x *index) setDir(rel string, u directory.Usage) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.settleLocked(0, u.Bytes-x.dirs[rel].Bytes)
	x.dirs[rel] = u
}

// pin moves an object between those that may be evicted and those that may not.
func (x *index) pin(n seal.Name, on bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.objects.pin(n, on)
}

func (x *index) unpinAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n := range x.objects.pins {
		x.objects.pin(n, false)
	}
}

func (x *index) isPinned(n seal.Name) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.objects.pins[n]
}
