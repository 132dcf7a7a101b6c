package cache

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// slack is reserved with every file for what the file system adds to it: a
// block of extents and the growth of three directories.
const slack = 16 << 10

var errNoRoom = errors.New("no room in the cache")

// reserve makes room for n bytes on disk, evicting what was used least
// recently. errNoRoom means that what is open, pinned or being written takes
// too much, or that the file system is too full; nothing is evicted in vain.
func (c *Cache) reserve(n int64) error {
	for range 8 {
		victims, ok := c.index.plan(n, c.shortfall(n))
		if !ok {
			return errNoRoom
		}
		if len(victims) == 0 {
			return nil
		}
		if err := c.evict(victims); err != nil {
			return err
		}
	}
	return errNoRoom
}

// evict unlinks files that plan took out of the index.
func (c *Cache) evict(victims []victim) error {
	d := c.dir.Load()
	var first error
	for _, v := range victims {
		err := d.root.Remove(c.secrets[v.secret].path(v.name))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		c.index.evicted(v, err)
		if first == nil {
			first = err
		}
	}
	return first
}

// shortfall is how many bytes must be freed before n more may be written and
// MinFree is kept. What is reserved may not be written yet, so all of it counts.
func (c *Cache) shortfall(n int64) int64 {
	if c.opts.MinFree == 0 {
		return 0
	}
	st, err := statfs(c.dir.Load())
	if err != nil || st.Blocks == 0 {
		return 0 // no opinion: the write itself will tell
	}
	keep := int64(c.opts.MinFree * float64(st.Blocks) * float64(st.Bsize))
	free := int64(st.Bavail) * int64(st.Bsize)
	return keep + n + c.index.promised() - free
}

func statfs(d *directory) (st unix.Statfs_t, err error) {
	f, err := d.root.Open(".")
	if err != nil {
		return st, err
	}
	defer f.Close()
	return st, unix.Fstatfs(int(f.Fd()), &st)
}

// blockSize is what files are rounded up to on d's file system, at least 4 KiB.
func blockSize(d *directory) int64 {
	st, err := statfs(d)
	if err != nil || st.Bsize < 4096 || st.Bsize > 1<<20 {
		return 4096
	}
	return int64(st.Bsize)
}

// makeSpace evicts about n bytes because the disk turned out to be full. It
// says whether anything could be done.
func (c *Cache) makeSpace(n int64) bool {
	victims, ok := c.index.plan(0, n)
	return ok && c.evict(victims) == nil
}

func outOfSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// measure counts the blocks of a directory itself, which grows with its entries.
func (c *Cache) measure(d *directory, rel string) {
	info, err := d.root.Lstat(rel)
	if err != nil {
		return
	}
	c.index.setDir(rel, diskUse(info))
}

func diskUse(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
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
	// A bound can't be kept before it is known what is there.
	x.awaitLocked(loadPatience, func() bool { return !x.loading || x.closed })
	x.awaitLocked(diskPatience, func() (done bool) {
		victims, ok, done = x.planLocked(n, short)
		return done
	})
	return victims, ok
}

// planLocked is done unless others, who are unlinking or replacing files, must
// be waited for.
func (x *index) planLocked(n, short int64) (victims []victim, ok, done bool) {
	need := max(x.used+n-x.limit, short) - x.freeing
	switch {
	case x.loading, x.closed, need > x.evictable:
		return nil, false, true
	case need > 0:
		victims = x.victimsLocked(need)
		return victims, len(victims) > 0, len(victims) > 0
	case x.used+n <= x.limit:
		x.used += n
		x.reserved += n
		return nil, true, true
	}
	return nil, false, false
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
