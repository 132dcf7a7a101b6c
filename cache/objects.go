package cache

import (
	"math"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"veriffs/cache/seal"
)

// held is a file that someone has open.
type held struct {
	name seal.Name
	ino  uint64
	size int64
	refs int
	gone bool // not in the index any more: the last close frees its bytes
}

// objects is the set of all objects in order of their use, and which of them
// are pinned or open. index.mu guards it.
type objects struct {
	lru  *simplelru.LRU[seal.Name, entry]
	pins map[seal.Name]bool // of objects that are there or not
	open map[uint64]*held   // by inode

	pinned    int64 // objects
	evictable int64 // bytes of the objects that are idle
}

func newObjects() objects {
	return objects{lru: newLRU(), pins: map[seal.Name]bool{}, open: map[uint64]*held{}}
}

// newLRU is bounded by bytes, which the index counts, and not by a number.
func newLRU() *simplelru.LRU[seal.Name, entry] {
	l, err := simplelru.NewLRU[seal.Name, entry](math.MaxInt, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return l
}

// held returns who has the file of e open. The name matters if somebody else
// removed the file and another one got its inode.
func (o *objects) held(n seal.Name, e entry) *held {
	if h := o.open[e.ino]; h != nil && h.name == n {
		return h
	}
	return nil
}

// idle reports whether an object is neither pinned nor open, so that it can go.
func (o *objects) idle(n seal.Name, e entry) bool {
	return !o.pins[n] && o.held(n, e) == nil
}

// add makes e the most recently used object. There must be none of this name.
func (o *objects) add(n seal.Name, e entry) {
	o.lru.Add(n, e)
	o.count(n, e, 1)
}

func (o *objects) take(n seal.Name) (entry, bool) {
	e, ok := o.lru.Peek(n)
	if ok {
		o.lru.Remove(n)
		o.count(n, e, -1)
	}
	return e, ok
}

func (o *objects) count(n seal.Name, e entry, sign int64) {
	if o.pins[n] {
		o.pinned += sign
	}
	if o.idle(n, e) {
		o.evictable += sign * e.size
	}
}

func (o *objects) pin(n seal.Name, on bool) {
	if o.pins[n] == on {
		return
	}
	e, ok := o.take(n)
	if on {
		o.pins[n] = true
	} else {
		delete(o.pins, n)
	}
	if ok {
		o.add(n, e)
	}
}

// hold counts a reader of the file of e.
func (o *objects) hold(n seal.Name, e entry) *held {
	h := o.held(n, e)
	if h == nil {
		if o.idle(n, e) {
			o.evictable -= e.size
		}
		h = &held{name: n, ino: e.ino, size: e.size}
		o.open[e.ino] = h
	}
	h.refs++
	return h
}

// release undoes hold and reports whether h was the last reader.
func (o *objects) release(h *held) bool {
	if h.refs--; h.refs > 0 {
		return false
	}
	if o.open[h.ino] == h {
		delete(o.open, h.ino)
	}
	if e, ok := o.lru.Peek(h.name); ok && e.ino == h.ino && !h.gone && o.idle(h.name, e) {
		o.evictable += e.size
	}
	return true
}

// takeOldest takes the least recently used objects that are idle and not busy,
// of need bytes at least. The others count as just used.
func (o *objects) takeOldest(need int64, busy map[seal.Name]bool) (taken []found) {
	for range o.lru.Len() {
		n, e, ok := o.lru.GetOldest()
		if !ok || need <= 0 {
			break
		}
		if busy[n] || !o.idle(n, e) {
			o.lru.Get(n)
			continue
		}
		o.take(n)
		need -= e.size
		taken = append(taken, found{n, e})
	}
	return taken
}

// merge adds the objects of lru, bytes in all, as used less recently than what
// is there already, but for those in not. It returns the bytes that were added.
func (o *objects) merge(lru *simplelru.LRU[seal.Name, entry], bytes int64, not map[seal.Name]bool) int64 {
	remove := func(n seal.Name) {
		if e, ok := lru.Peek(n); ok {
			lru.Remove(n)
			bytes -= e.size
		}
	}
	for n := range not {
		remove(n)
	}
	for _, n := range o.lru.Keys() {
		remove(n)
		e, _ := o.lru.Peek(n)
		lru.Add(n, e)
	}
	o.evictable += bytes // what was not known can't be open
	for n := range o.pins {
		if e, ok := lru.Peek(n); ok && !o.lru.Contains(n) {
			o.pinned++
			o.evictable -= e.size
		}
	}
	o.lru = lru
	return bytes
}
