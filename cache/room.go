package cache

import (
	"errors"
	"io/fs"

	"veriffs/cache/index"
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
		victims, ok := st.index.Plan(n, st.shortfall(n))
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
func (st *store) evict(victims []index.Object) error {
	var first error
	for _, v := range victims {
		err := st.dir.Remove(st.secrets[v.Secret].Path(v.Name))
		st.recent.Forget(v.Name)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		st.index.Evicted(v, err)
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
	return int64(st.minFree*float64(total)) + n + st.index.State().Reserved - free
}

// makeSpace evicts about n bytes because the disk turned out to be full, and
// reports whether it could.
func (st *store) makeSpace(n int64) bool {
	victims, ok := st.index.Plan(0, n)
	return ok && st.evict(victims) == nil
}
