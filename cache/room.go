package cache

import (
	"errors"
	"io/fs"
)

const (
	// slack is reserved with every file for what the file system adds to it, in
	// bytes: a block of extents and the growth of three directories.
	slack = 16 << 10
	// reserveStep is how much room a writer asks for at a time if it was not
	// told the size, or the wrong one.
	reserveStep = 1 << 20
)

var errNoRoom = errors.New("no room in the cache")

// reserve makes room for n bytes on disk, evicting the least recently used
// objects. errNoRoom means that what is open, pinned or being written takes
// too much, or that the file system is too full; nothing is evicted in vain.
func (st *store) reserve(n int64) error {
	for range 8 {
		victims, ok := st.index.plan(n, st.shortfall(n))
		if !ok {
			return errNoRoom
		}
		if len(victims) == 0 {
			return nil
		}
		if err := st.evict(victims); err != nil {
			return err
		}
	}
	return errNoRoom
}

// evict unlinks what plan took out of the index.
func (st *store) evict(victims []found) error {
	var first error
	for _, v := range victims {
		err := st.dir.Remove(st.secrets[v.secret].Path(v.Name))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		st.index.evicted(v, err)
		if err == nil {
			st.counts.evictions.Add(1)
		} else if first == nil {
			first = err
		}
	}
	return first
}

// shortfall is how many bytes must be freed before n more may be written and
// the file system has minFree left. Reservations may not be written yet, so
// all of them count.
func (st *store) shortfall(n int64) int64 {
	if st.minFree == 0 {
		return 0
	}
	total, free := st.dir.Space()
	if total == 0 {
		return 0 // unknown: the write itself will tell
	}
	return int64(st.minFree*float64(total)) + n + st.index.promised() - free
}

// makeSpace evicts about n bytes because the disk turned out to be full, and
// reports whether it could.
func (st *store) makeSpace(n int64) bool {
	victims, ok := st.index.plan(0, n)
	return ok && st.evict(victims) == nil
}

// plan reserves n bytes, or returns the files to unlink before it is asked
// again. short is how many bytes the file system lacks. If no room can be made
// ok is false, and nothing is evicted in vain.
func (x *index) plan(n, short int64) (victims []found, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	// A bound can't be kept before it is known what is there.
	await(&x.changed, loadPatience, func() bool { return !x.loading || x.closed })
	await(&x.changed, diskPatience, func() (done bool) {
		victims, ok, done = x.planLocked(n, short)
		return done
	})
	return victims, ok
}

// planLocked is not done if it must wait for others, who are unlinking or
// replacing files.
func (x *index) planLocked(n, short int64) (victims []found, ok, done bool) {
	need := max(x.used+n-x.limit, short) - x.freeing
	switch {
	case x.loading, x.closed, need > x.objects.evictable:
		return nil, false, true
	case need > 0:
		victims = x.objects.takeOldest(need, x.busy)
		for _, v := range victims {
			x.busy[v.Name] = true
			x.freeing += v.size
		}
		return victims, len(victims) > 0, len(victims) > 0
	case x.used+n <= x.limit:
		x.used += n
		x.reserved += n
		return nil, true, true
	}
	return nil, false, false
}

// evicted ends an eviction. A file that could not be unlinked is back.
func (x *index) evicted(v found, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.freeing -= v.size
	if err != nil {
		x.objects.add(v.Name, v.entry)
	} else {
		x.used -= v.size
	}
	delete(x.busy, v.Name)
	x.changed.Broadcast()
}

// promised is what is reserved and may not be on disk yet.
func (x *index) promised() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.reserved
}
