package team

import "sync/atomic"

// Stats is a snapshot of what happened since New.
type Stats struct {
	Bucket string // for people

	Hits     int64 // objects that came from the bucket
	Misses   int64 // that it did not have, nor got while they were waited for
	Refused  int64 // that were not what was asked for
	Failed   int64 // requests for objects that failed
	Late     int64 // transfers that kept their caller waiting, however they ended
	Waits    int64 // objects that another member was about to fetch
	Skipped  int64 // objects that it was not asked for, because it is left alone
	Received int64 // bytes of hits

	Queued   int64 // objects that are to be uploaded, or on their way
	Shared   int64 // objects that were uploaded
	Existed  int64 // that somebody else had uploaded before
	Unshared int64 // that the cache had no more, or that are none to be shared
	Unsent   int64 // that could not be uploaded
	Dropped  int64 // that were given up: the queue was full, or the mount or who wanted it has ended
	Sent     int64 // bytes of Shared

	ReadDown  error // why nothing is read at present; nil if it is
	WriteDown error // likewise for uploads
}

type counters struct {
	hits, misses, refused, failed, late, waits, skipped, received atomic.Int64
	queued, shared, existed, unshared, unsent, dropped, sent      atomic.Int64
}

// Stats returns the counts. It costs no I/O.
func (s *Store) Stats() Stats {
	c := &s.counts
	return Stats{
		Bucket: s.o.Bucket.String(),
		Hits:   c.hits.Load(), Misses: c.misses.Load(), Refused: c.refused.Load(), Failed: c.failed.Load(),
		Late: c.late.Load(), Waits: c.waits.Load(), Skipped: c.skipped.Load(), Received: c.received.Load(),
		Queued: c.queued.Load(), Shared: c.shared.Load(), Existed: c.existed.Load(),
		Unshared: c.unshared.Load(), Unsent: c.unsent.Load(), Dropped: c.dropped.Load(), Sent: c.sent.Load(),
		ReadDown: s.read.why(), WriteDown: s.write.why(),
	}
}
