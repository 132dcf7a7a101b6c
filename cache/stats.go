package cache

import "time"

// Stats is a snapshot of a cache's state and of what happened since Open.
type Stats struct {
	Objects   int64 // in the cache; what is known so far while Loading
	Pinned    int64 // of them, pinned
	Open      int64 // files held open by readers
	Bytes     int64 // on disk, reservations and directories included
	Limit     int64
	Foreign   int64 // objects of secrets that are not configured; they take room, too
	Memory    int64 // bytes of objects that are kept in memory because they are not on disk
	Spilled   int64 // bytes that unlinked temporary files may take for the same reason
	Hits      int64
	Misses    int64
	Evictions int64
	Damaged   int64 // objects deleted because they did not authenticate
	Loading   bool  // the index is not complete yet
	Bypassed  bool  // the disk is sick and left alone

	MaxAge time.Duration // of objects, as configured; 0 is never
}

// Stats returns the counters. It costs no I/O.
func (c *Cache) Stats() Stats {
	s := Stats{
		Hits: c.counts.hits.Load(), Misses: c.counts.misses.Load(),
		Evictions: c.counts.evictions.Load(), Damaged: c.counts.damaged.Load(),
		Bypassed: c.disk.Sick(), MaxAge: c.opts.MaxAge,
	}
	s.Memory, s.Spilled = c.spills.Used()
	x := c.store.Load().index.State()
	s.Objects, s.Pinned, s.Open, s.Foreign = x.Objects, x.Pinned, x.Open, x.Foreign
	s.Bytes, s.Limit, s.Loading = x.Bytes, x.Limit, x.Loading
	return s
}
