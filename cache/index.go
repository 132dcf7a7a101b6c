package cache

import (
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// entry is what the index remembers of an object's file.
type entry struct {
	size   int64  // bytes on disk
	ino    uint64 // of the file, to tell a replaced one from its successor
	stored int64  // Unix seconds; a hint, the sealed header decides
	used   int64  // Unix seconds of the last use, as the disk has it
	secret uint8  // in whose directory it is
}

// held is a file that someone has open.
type held struct {
	name name
	ino  uint64
	size int64
	refs int
	gone bool // not in the index any more: the last close frees its bytes
}

// index knows every object and counts every byte. It does no I/O.
type index struct {
	limit int64

	mu      sync.Mutex
	changed sync.Cond // used, busy, loading or closed changed

	// An object is in pinned if its name is in pins, else in objects.
	objects *simplelru.LRU[name, entry]
	pinned  map[name]entry
	pins    map[name]bool

	open map[uint64]*held // by inode
	busy map[name]bool    // claimed: the file is being replaced or removed
	lost map[name]entry   // not to be had any more, but the file could not be removed
	dirs map[string]int64 // bytes on disk of the directories themselves, and of all in a foreign one

	foreign map[string]int64 // objects, by the directory of a secret that is not configured

	used      int64 // bytes on disk: objects, files unlinked but open, reservations, directories
	evictable int64 // of them, in objects and not open
	freeing   int64 // of them, being unlinked by make room
	reserved  int64 // of them, promised to writers

	loading    bool
	generation int           // counts the directories that were taken into use
	gone       map[name]bool // removed while loading; the loader may have seen them before
	closed     bool
	evictions  int64
}

func newIndex(limit int64) *index {
	x := &index{
		limit:   limit,
		objects: newLRU(),
		pinned:  map[name]entry{},
		pins:    map[name]bool{},
		open:    map[uint64]*held{},
		busy:    map[name]bool{},
		lost:    map[name]entry{},
		dirs:    map[string]int64{},
		foreign: map[string]int64{},
		gone:    map[name]bool{},
		loading: true,
	}
	x.changed.L = &x.mu
	return x
}

// newLRU is bounded by bytes, which the index counts, not by a number.
func newLRU() *simplelru.LRU[name, entry] {
	l, err := simplelru.NewLRU[name, entry](math.MaxInt, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return l
}

func (x *index) peekLocked(n name) (entry, bool) {
	if x.pins[n] {
		e, ok := x.pinned[n]
		return e, ok
	}
	return x.objects.Peek(n)
}

// insertLocked makes e the newest object. Its bytes are in used already, and
// no entry of this name exists.
func (x *index) insertLocked(n name, e entry) {
	if x.pins[n] {
		x.pinned[n] = e
		return
	}
	x.objects.Add(n, e)
	if x.heldLocked(n, e) == nil {
		x.evictable += e.size
	}
}

// takeLocked removes the entry of n for good and leaves its bytes in used.
func (x *index) takeLocked(n name) (entry, bool) {
	if x.loading {
		x.gone[n] = true
	}
	return x.removeLocked(n)
}

// removeLocked undoes insertLocked.
func (x *index) removeLocked(n name) (entry, bool) {
	e, ok := x.peekLocked(n)
	if !ok {
		return e, false
	}
	if x.pins[n] {
		delete(x.pinned, n)
		return e, true
	}
	x.objects.Remove(n)
	if x.heldLocked(n, e) == nil {
		x.evictable -= e.size
	}
	return e, true
}

// dropLocked forgets n, whose file is no longer there. What a reader has open
// stays counted until it is closed.
func (x *index) dropLocked(n name) {
	e, ok := x.takeLocked(n)
	if !ok {
		if e, ok = x.lost[n]; !ok {
			return
		}
		delete(x.lost, n)
	}
	if h := x.heldLocked(n, e); h != nil {
		h.gone = true
		return
	}
	x.used -= e.size
	x.changed.Broadcast()
}

func (x *index) drop(n name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dropLocked(n)
}

func (x *index) peek(n name) (entry, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.peekLocked(n)
}

// hold counts a reader of the open file e of n and makes it the most recently
// used. It returns nil if e is not the file of n any more. With touch, the
// time of the last use is due to be written to the disk.
func (x *index) hold(n name, e entry, now time.Time) (h *held, touch bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old, known := x.peekLocked(n)
	switch {
	case known && old.ino == e.ino:
		e = old
	case !known && x.loading && !x.gone[n] && !x.busy[n]:
		x.used += e.size
		x.insertLocked(n, e)
	default:
		return nil, false
	}
	if touch = max(now.Unix()-e.used, e.used-now.Unix()) >= touchSeconds; touch {
		e.used = now.Unix()
	}
	if x.pins[n] {
		x.pinned[n] = e
	} else {
		x.objects.Add(n, e) // replaces the value and moves it to the front
	}
	return x.holdLocked(n, e), touch
}

// heldLocked returns who has the file of e open. The name matters if somebody
// else removed the file and another one got its inode.
func (x *index) heldLocked(n name, e entry) *held {
	if h := x.open[e.ino]; h != nil && h.name == n {
		return h
	}
	return nil
}

func (x *index) holdLocked(n name, e entry) *held {
	h := x.heldLocked(n, e)
	if h == nil {
		h = &held{name: n, ino: e.ino, size: e.size}
		x.open[e.ino] = h
		if !x.pins[n] {
			x.evictable -= e.size
		}
	}
	h.refs++
	return h
}

// release undoes hold. It comes before the file is closed, since another one
// may get its inode from then on; what it returns is freed after that.
func (x *index) release(h *held) (bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if h.refs--; h.refs > 0 {
		return 0
	}
	if x.open[h.ino] == h {
		delete(x.open, h.ino)
	}
	if h.gone {
		return h.size
	}
	if x.pins[h.name] || x.lost[h.name].ino == h.ino {
		return 0
	}
	x.evictable += h.size
	x.changed.Broadcast()
	return 0
}

// free takes bytes that are no longer on disk off the count.
func (x *index) free(bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.used -= bytes
	x.changed.Broadcast()
}

// publish makes the open file e the object n, whose bytes were reserved, and
// counts its writer's handle as a reader.
func (x *index) publish(n name, e entry, reserved int64) *held {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dropLocked(n)
	x.settleLocked(reserved, e.size)
	x.insertLocked(n, e)
	return x.holdLocked(n, e)
}

// adopt counts an open file that has no name, as publish does for one that has.
func (x *index) adopt(e entry, reserved int64) *held {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.settleLocked(reserved, e.size)
	return &held{ino: e.ino, size: e.size, refs: 1, gone: true}
}

// settleLocked turns a reservation into the bytes that were really taken.
func (x *index) settleLocked(reserved, size int64) {
	x.reserved -= reserved
	x.used += size - reserved
	x.changed.Broadcast()
}

// unreserve gives a reservation back.
func (x *index) unreserve(n int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.settleLocked(n, 0)
}

// setDir counts the bytes of a directory itself.
func (x *index) setDir(rel string, size int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.setDirLocked(rel, size)
}

// setForeign counts what is in the directory of a foreign secret.
func (x *index) setForeign(tag string, objects, size int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.foreign[tag] = objects
	x.setDirLocked(tag, size)
}

func (x *index) setDirLocked(rel string, size int64) {
	x.used += size - x.dirs[rel]
	x.dirs[rel] = size
	x.changed.Broadcast()
}

func (x *index) isOpen(n name, e entry) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.heldLocked(n, e) != nil
}
