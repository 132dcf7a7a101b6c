package cache

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// prepare does what can't wait: it removes what a crash left unfinished,
// counts the directories, and reads which objects are pinned.
func (c *Cache) prepare(d *directory) error {
	temps, err := d.names(tempDir)
	if err != nil {
		return err
	}
	for _, t := range temps {
		if err := d.root.Remove(tempDir + "/" + t); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	names, err := d.names(".")
	if err != nil {
		return err
	}
	for _, n := range append(names, ".") {
		if !isHex(n, 16) {
			c.measure(d, n)
		}
	}
	return c.loadPins(d)
}

// nudge makes keep look at the cache now.
func (c *Cache) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// keep is the background work: it loads the index, removes what other secrets
// left when it may, and erases objects when they are past their age.
func (c *Cache) keep() {
	var ages ageing
	for {
		var wait time.Duration
		c.sweepForeign()
		err := c.load()
		if err == nil {
			c.removeLost()
			wait, err = c.sweepExpired(&ages)
		}
		if err != nil && c.ctx.Err() == nil {
			c.health.fault(err, true)
			wait = probeLast
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-c.ctx.Done():
			return
		case <-c.wake:
		case <-timer:
		}
	}
}

// found is an object that the walk of the directory came by.
type found struct {
	name
	entry
}

// load fills the index from the directory, unless it is loaded.
func (c *Cache) load() error {
	loading, generation := c.index.toLoad()
	if !loading {
		return nil
	}
	d := c.dir.Load()
	if err := c.countForeign(d); err != nil {
		return err
	}
	var all []found
	for i := range c.secrets {
		err := c.walk(d, uint8(i), func(f found, size int64) error {
			if size < headerSize {
				c.discard(f.secret, f.name, f.ino, errSeal)
				return nil
			}
			all = append(all, f)
			return nil
		})
		if err != nil {
			return err
		}
	}
	// What was used in the future, by a clock that was wrong, comes first.
	now := c.now().Add(clockStep).Unix()
	slices.SortFunc(all, func(a, b found) int {
		if a.used > now != (b.used > now) {
			return cmp.Compare(b.used, a.used)
		}
		return cmp.Compare(a.used, b.used)
	})
	c.index.loaded(all, generation)
	// The limit may be lower than it was.
	if err := c.reserve(0); !errors.Is(err, errNoRoom) {
		return err
	}
	return nil
}

// walk calls visit with every object's file below a secret's directory. What
// is no object's file there is removed.
func (c *Cache) walk(d *directory, si uint8, visit func(f found, size int64) error) error {
	tag := c.secrets[si].dir
	err := d.eachShard(tag, func(rel string) error {
		c.measure(d, rel)
		if rel == tag {
			return nil
		}
		return c.walkShard(d, si, rel, visit)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (c *Cache) walkShard(d *directory, si uint8, rel string, visit func(f found, size int64) error) error {
	return c.eachFile(d, rel, func(s string, st *unix.Stat_t) error {
		n, ok := parseName(s)
		if !ok || rel[len(rel)-2:] != s[:2] || st.Mode&unix.S_IFMT != unix.S_IFREG {
			return d.root.RemoveAll(rel + "/" + s)
		}
		return visit(found{n, c.entryOf(st, si)}, st.Size)
	})
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
	for n := range x.lost {
		x.dropLocked(n)
	}
	for _, size := range x.dirs {
		x.used -= size
	}
	x.dirs = map[string]int64{}
	x.foreign = map[string]int64{}
	x.pins = map[name]bool{}
	x.open = map[uint64]*held{}
	x.gone = map[name]bool{}
	x.generation++
	x.loading = true
	x.changed.Broadcast()
}
