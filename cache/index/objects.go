package index

import (
	"veriffs/cache/seal"
	"veriffs/internal/lru"
)

// File is an object's file that somebody has open.
type File struct {
	name  seal.Name
	inode uint64
	size  int64
	refs  int
	gone  bool // not in the index any more: the last close frees its bytes
}

// Inode is that of the file.
func (f *File) Inode() uint64 { return f.inode }

// objects is the set of all objects in order of their use, and which of them
// are pinned or open. index.mu guards it.
type objects struct {
	lru  *lru.List[seal.Name, Entry]
	pins map[seal.Name]bool // of objects that are there or not
	kept map[seal.Name]bool // by holds, there or not
	open map[uint64]*File   // by inode

	loading bool
	gone    map[seal.Name]bool // removed while loading; the loader may have seen them before

	pinned    int64 // objects
	evictable int64 // bytes of the objects that are idle
}

func newObjects() objects {
	return objects{lru: lru.New[seal.Name, Entry](0), pins: map[seal.Name]bool{}, kept: map[seal.Name]bool{}, open: map[uint64]*File{}, loading: true, gone: map[seal.Name]bool{}}
}

// opened returns who has the file of e open. The name matters if somebody else
// removed the file and another one got its inode.
func (o *objects) opened(n seal.Name, e Entry) *File {
	if f := o.open[e.Inode]; f != nil && f.name == n {
		return f
	}
	return nil
}

// idle reports whether an object is neither pinned nor kept nor open, so that it
// can go.
func (o *objects) idle(n seal.Name, e Entry) bool {
	return !o.pins[n] && !o.kept[n] && o.opened(n, e) == nil
}

// add makes e the most recently used object. There must be none of this name.
func (o *objects) add(n seal.Name, e Entry) {
	o.lru.Put(n, e)
	o.count(n, e, 1)
}

func (o *objects) take(n seal.Name) (Entry, bool) {
	e, ok := o.lru.Peek(n)
	if ok {
		o.lru.Remove(n)
		o.count(n, e, -1)
	}
	return e, ok
}

// remove takes an object for good.
func (o *objects) remove(n seal.Name) (Entry, bool) {
	if o.loading {
		o.gone[n] = true
	}
	return o.take(n)
}

// mayHave reports whether there may be an object that is not known yet.
func (o *objects) mayHave(n seal.Name) bool { return o.loading && !o.gone[n] }

func (o *objects) count(n seal.Name, e Entry, sign int64) {
	if o.pins[n] {
		o.pinned += sign
	}
	if o.idle(n, e) {
		o.evictable += sign * e.Size
	}
}

// mark puts a name into pins or kept, or takes it out.
func (o *objects) mark(set map[seal.Name]bool, n seal.Name, on bool) {
	if set[n] == on {
		return
	}
	e, ok := o.take(n)
	if on {
		set[n] = true
	} else {
		delete(set, n)
	}
	if ok {
		o.add(n, e)
	}
}

// hold counts a reader of the file of e.
func (o *objects) hold(n seal.Name, e Entry) *File {
	f := o.opened(n, e)
	if f == nil {
		if o.idle(n, e) {
			o.evictable -= e.Size
		}
		f = &File{name: n, inode: e.Inode, size: e.Size}
		o.open[e.Inode] = f
	}
	f.refs++
	return f
}

// release undoes hold and reports whether f was the last reader.
func (o *objects) release(f *File) bool {
	if f.refs--; f.refs > 0 {
		return false
	}
	if o.open[f.inode] == f {
		delete(o.open, f.inode)
	}
	if e, ok := o.lru.Peek(f.name); ok && e.Inode == f.inode && !f.gone && o.idle(f.name, e) {
		o.evictable += e.Size
	}
	return true
}

// takeOldest takes the least recently used objects that are idle and not busy,
// of need bytes at least. The others count as just used.
func (o *objects) takeOldest(need int64, busy map[seal.Name]bool) (taken []Object) {
	for range o.lru.Len() {
		n, e, ok := o.lru.Oldest()
		if !ok || need <= 0 {
			break
		}
		if busy[n] || !o.idle(n, e) {
			o.lru.Get(n)
			continue
		}
		o.take(n)
		need -= e.Size
		taken = append(taken, Object{n, e})
	}
	return taken
}

// merge ends the loading: it adds the objects of all, bytes in all, as used less
// recently than what is there already, but for those that are gone. It returns the
// bytes that were added.
func (o *objects) merge(all *lru.List[seal.Name, Entry], bytes int64) int64 {
	remove := func(n seal.Name) {
		if e, ok := all.Peek(n); ok {
			all.Remove(n)
			bytes -= e.Size
		}
	}
	for n := range o.gone {
		remove(n)
	}
	for n, e := range o.lru.All() {
		remove(n)
		all.Put(n, e)
	}
	o.evictable += bytes // what was not known can't be open
	for n := range o.pins {
		if e, ok := all.Peek(n); ok && !o.lru.Has(n) {
			o.pinned++
			o.evictable -= e.Size
		}
	}
	for n := range o.kept {
		if e, ok := all.Peek(n); ok && !o.lru.Has(n) && !o.pins[n] {
			o.evictable -= e.Size
		}
	}
	o.lru, o.loading = all, false
	clear(o.gone)
	return bytes
}
