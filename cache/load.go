

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
