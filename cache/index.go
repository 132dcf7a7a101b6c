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
	dirs map[string]int64 // bytes on disk of the directories themselves

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
		dirs:    map[string]int64{},
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

// claim waits until nobody works on the file of this name and then keeps
// others from it until unclaim.
func (x *index) claim(n name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.busy[n] {
		x.changed.Wait()
	}
	x.busy[n] = true
}

func (x *index) unclaim(n name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.busy, n)
	x.changed.Broadcast()
}

// lookup says what is known of a name that nobody has claimed. While the
// index is loading, not to be known means nothing.
func (x *index) lookup(n name) (e entry, known, loading bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.busy[n] {
		x.changed.Wait()
	}
	e, known = x.peekLocked(n)
	return e, known, x.loading
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
		return
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

// lose forgets n, whose file can't be removed: its bytes stay counted.
func (x *index) lose(n name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.takeLocked(n)
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
	if touch = now.Unix()-e.used >= touchSeconds; touch {
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
	if !x.pins[h.name] {
		x.evictable += h.size
		x.changed.Broadcast()
	}
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
	x.used += size - x.dirs[rel]
	x.dirs[rel] = size
}

// victim is an object on its way out.
type victim struct {
	name
	entry
}

// plan reserves n bytes, or says which files to unlink before asking again.
// short is how many bytes the file system lacks. It says no if there is
// no room to be made, and then nothing is evicted in vain.
func (x *index) plan(n, short int64) (victims []victim, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waitLoadedLocked()
	for !x.loading && !x.closed {
		need := max(x.used+n-x.limit, short) - x.freeing
		switch {
		case need > x.evictable:
			return nil, false
		case need > 0:
			if victims := x.victimsLocked(need); len(victims) > 0 {
				return victims, true
			}
		case x.used+n <= x.limit:
			x.used += n
			x.reserved += n
			return nil, true
		}
		x.changed.Wait() // for what others are unlinking or replacing
	}
	return nil, false
}

// waitLoadedLocked gives a loading index a moment: a bound can't be kept
// before it is known what is there.
func (x *index) waitLoadedLocked() {
	if !x.loading {
		return
	}
	patience := time.AfterFunc(loadPatience, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.changed.Broadcast()
	})
	defer patience.Stop()
	for start := time.Now(); x.loading && !x.closed && time.Since(start) < loadPatience; {
		x.changed.Wait()
	}
}

// victimsLocked takes the least recently used objects out of the index and
// claims them. Those that are open free nothing and count as just used.
func (x *index) victimsLocked(need int64) (victims []victim) {
	for range x.objects.Len() {
		if need <= 0 {
			break
		}
		n, e, ok := x.objects.GetOldest()
		if !ok {
			break
		}
		if x.heldLocked(n, e) != nil || x.busy[n] {
			x.objects.Get(n)
			continue
		}
		x.busy[n] = true
		x.takeLocked(n)
		x.freeing += e.size
		need -= e.size
		victims = append(victims, victim{n, e})
	}
	return victims
}

// evicted ends an eviction. One whose file could not be unlinked is back.
func (x *index) evicted(v victim, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.freeing -= v.size
	if err != nil {
		x.insertLocked(v.name, v.entry)
	} else {
		x.used -= v.size
		x.evictions++
	}
	delete(x.busy, v.name)
	x.changed.Broadcast()
}

// promised is what is reserved and may not be on disk yet.
func (x *index) promised() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.reserved
}

// toLoad says whether the index is to be loaded, and for loaded which
// directory's it is.
func (x *index) toLoad() (loading bool, generation int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.loading, x.generation
}

// loaded ends the loading: all, least recently used first, is what the
// directory of that generation held. What happened in the meantime takes
// precedence.
func (x *index) loaded(all []found, generation int) {
	objects := newLRU()
	var size int64
	for _, f := range all {
		objects.Add(f.name, f.entry)
		size += f.size
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.generation != generation {
		return // another directory took its place
	}
	remove := func(n name) (e entry, ok bool) {
		if e, ok = objects.Peek(n); ok {
			objects.Remove(n)
			size -= e.size
		}
		return e, ok
	}
	for n := range x.gone {
		remove(n)
	}
	for n := range x.pins {
		_, known := x.pinned[n]
		if e, ok := remove(n); ok && !known {
			x.pinned[n] = e
			x.used += e.size
		}
	}
	for _, n := range x.objects.Keys() {
		remove(n)
		e, _ := x.objects.Peek(n)
		objects.Add(n, e)
	}
	// What remains was not opened, or it would have been known.
	x.used += size
	x.evictable += size
	x.objects = objects
	x.gone = map[name]bool{}
	x.loading = false
	x.changed.Broadcast()
}

// reset starts over with an empty directory. Open files stay counted until
// they are closed.
func (x *index) reset() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, n := range x.objects.Keys() {
		x.dropLocked(n)
	}
	for n := range x.pinned {
		x.dropLocked(n)
	}
	for _, size := range x.dirs {
		x.used -= size
	}
	x.dirs = map[string]int64{}
	x.pins = map[name]bool{}
	x.open = map[uint64]*held{}
	x.gone = map[name]bool{}
	x.generation++
	x.loading = true
	x.changed.Broadcast()
}

func (x *index) isOpen(n name, e entry) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.heldLocked(n, e) != nil
}
