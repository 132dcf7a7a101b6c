// Package index knows which objects are in a cache, in which order they were used,
// which may go, and how many bytes everything takes on disk. It does no I/O.
//
// Promises: what is counted on disk stays within the limit, if every file is written
// after [Index.Plan] has reserved its bytes. A name that is claimed is nobody else's.
// Waiting for others ends after a while, see [ErrBusy]. Not promised: that the files
// are what the index says. Its owner tells it what becomes of them.
//
// An [Index] is safe for concurrent use. It has one lock, held for memory only.
package index

import (
	"maps"
	"sync"
	"time"

	"veriffs/cache/seal"
	"veriffs/internal/lru"
)

// TouchSeconds is how stale the time of an object's last use on disk may
// get while it is in use: what the LRU order loses at most in a crash.
const TouchSeconds = 5 * 60

// Entry is what the index remembers of an object's file.
type Entry struct {
	Size   int64  // bytes on disk
	Inode  uint64 // of the file, to tell it from its successor
	Stored int64  // Unix seconds; a hint, the sealed header decides
	Used   int64  // Unix seconds of the last use, as the disk has it
	Secret uint8  // in whose directory it is
}

// Object is an object and its entry.
type Object struct {
	seal.Name
	Entry
}

// Index knows every object and counts every byte. Make one with New.
type Index struct {
	mu      sync.Mutex
	changed sync.Cond // room, busy, loading or closed changed

	objects objects
	room    room
	busy    map[seal.Name]bool  // claimed: the file is being replaced or removed
	lost    map[seal.Name]Entry // can't be had any more, but the file could not be removed
	dirs    map[string]usage    // directories themselves, and all that is in foreign ones
	foreign int64               // objects in them
	closed  bool
	keptAll bool // nothing may go: it is not known what is held
}

// usage is what a directory takes.
type usage struct{ objects, bytes int64 }

// New returns an index that is loading, of a directory that may take limit bytes on
// disk.
func New(limit int64) *Index {
	x := &Index{
		objects: newObjects(),
		room:    room{limit: limit},
		busy:    map[seal.Name]bool{},
		lost:    map[seal.Name]Entry{},
		dirs:    map[string]usage{},
	}
	x.changed.L = &x.mu
	return x
}

// State is what an index counts.
type State struct {
	Objects  int64 // known so far while Loading
	Pinned   int64 // of them
	Open     int64 // files held open by readers
	Foreign  int64 // objects of secrets that are not configured
	Lost     int64 // objects whose files could not be removed
	Bytes    int64 // on disk: objects, files unlinked but open, reservations, directories
	Reserved int64 // of them, promised to writers
	Limit    int64
	Loading  bool
}

// State returns the counts.
func (x *Index) State() State {
	x.mu.Lock()
	defer x.mu.Unlock()
	return State{
		Objects: int64(x.objects.lru.Len()), Pinned: x.objects.pinned, Open: int64(len(x.objects.open)),
		Foreign: x.foreign, Lost: int64(len(x.lost)),
		Bytes: x.room.used, Reserved: x.room.reserved, Limit: x.room.limit, Loading: x.objects.loading,
	}
}

// Found is what a directory was found to hold. Make one with NewFound.
type Found struct {
	all   *lru.List[seal.Name, Entry]
	bytes int64
}

// NewFound returns that of an empty directory.
func NewFound() *Found { return &Found{all: lru.New[seal.Name, Entry](0)} }

// Add adds an object, in any order.
func (f *Found) Add(o Object) {
	f.all.Put(o.Name, o.Entry)
	f.bytes += o.Size
}

// Load ends the loading: found is what the directory held, of which those of the lowest
// order are the first to go. What happened meanwhile takes precedence.
func (x *Index) Load(found *Found, order func(Entry) int64) {
	found.all.Sort(order) // before the lock: a million objects take a while
	x.mu.Lock()
	defer x.mu.Unlock()
	x.room.used += x.objects.merge(found.all, found.bytes)
	x.changed.Broadcast()
}

// Close ends all waiting.
func (x *Index) Close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	x.changed.Broadcast()
}

// Drop forgets n, whose file is no longer there. What a reader has open stays
// counted until it is closed.
func (x *Index) Drop(n seal.Name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dropLocked(n)
}

func (x *Index) dropLocked(n seal.Name) {
	e, ok := x.objects.remove(n)
	if !ok {
		if e, ok = x.lost[n]; !ok {
			return
		}
		delete(x.lost, n)
	}
	if f := x.objects.opened(n, e); f != nil {
		f.gone = true
		return
	}
	x.room.settle(0, -e.Size)
	x.changed.Broadcast()
}

// Lose forgets n, whose file can't be removed: its bytes stay counted.
func (x *Index) Lose(n seal.Name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, ok := x.objects.remove(n); ok {
		x.lost[n] = e
	}
}

// Lost returns what Lose forgot and nobody has dropped since.
func (x *Index) Lost() map[seal.Name]Entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.lost)
}

// Hold counts a reader of the open file e of n and makes it the most recently
// used. It returns nil if e is not the file of n any more. With touch, the
// time of the last use is due to be written to the disk.
func (x *Index) Hold(n seal.Name, e Entry, now time.Time) (f *File, touch bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old, known := x.objects.lru.Peek(n)
	switch {
	case known && old.Inode == e.Inode:
		e = old
	case !known && x.objects.mayHave(n) && !x.busy[n]:
		x.room.used += e.Size
		x.objects.add(n, e)
	default:
		return nil, false
	}
	if touch = max(now.Unix()-e.Used, e.Used-now.Unix()) >= TouchSeconds; touch {
		e.Used = now.Unix()
	}
	x.objects.lru.Put(n, e)
	return x.objects.hold(n, e), touch
}

// Release undoes Hold. It comes before the file is closed, since another one
// may get its inode from then on; what it returns is to be settled after that.
func (x *Index) Release(f *File) (bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	last := x.objects.release(f)
	x.changed.Broadcast()
	if last && f.gone {
		return f.size
	}
	return 0
}

// IsOpen reports whether somebody has the file e of n open.
func (x *Index) IsOpen(n seal.Name, e Entry) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.objects.opened(n, e) != nil
}

// Publish makes the open file e the object n, whose bytes were reserved, and
// counts its writer as a reader.
func (x *Index) Publish(n seal.Name, e Entry, reserved int64) *File {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dropLocked(n)
	x.room.settle(reserved, e.Size)
	x.changed.Broadcast()
	x.objects.add(n, e)
	return x.objects.hold(n, e)
}

// Adopt counts an open file that has no name, as Publish does for one that has.
func (x *Index) Adopt(e Entry, reserved int64) *File {
	x.Settle(reserved, e.Size)
	return &File{inode: e.Inode, size: e.Size, refs: 1, gone: true}
}

// SetDir counts what a directory takes itself, or with the objects in it.
func (x *Index) SetDir(rel string, objects, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	was := x.dirs[rel]
	x.dirs[rel] = usage{objects, bytes}
	x.foreign += objects - was.objects
	x.room.settle(0, bytes-was.bytes)
	x.changed.Broadcast()
}

// Pin moves an object between those that may be evicted and those that may not.
func (x *Index) Pin(n seal.Name, on bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.objects.mark(x.objects.pins, n, on)
}

// UnpinAll makes all objects evictable.
func (x *Index) UnpinAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n := range x.objects.pins {
		x.objects.mark(x.objects.pins, n, false)
	}
}

// IsPinned reports whether an object is pinned, there or not.
func (x *Index) IsPinned(n seal.Name) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.objects.pins[n]
}

// Keep says which objects must not go, there or yet to come; with all, none may.
func (x *Index) Keep(names map[seal.Name]bool, all bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n := range x.objects.kept {
		if !names[n] {
			x.objects.mark(x.objects.kept, n, false)
		}
	}
	for n := range names {
		x.objects.mark(x.objects.kept, n, true)
	}
	x.keptAll = all
}

// IsKept reports whether the object of this name must not go.
func (x *Index) IsKept(n seal.Name) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.keptAll || x.objects.kept[n]
}
