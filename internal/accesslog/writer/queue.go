package writer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"veriffs/internal/accesslog"
)

// queue holds the records that wait to be written, and counts those that never will be.
// It may be used by any number of goroutines.
type queue struct {
	now  func() time.Time
	wake chan struct{} // holds a token when something new waits

	mu      sync.Mutex
	waiting []entry
	missed  missed           // what no log-gap record tells of yet
	since   time.Time        // of the first of missed
	why     error            // of the last of them
	stuck   error            // why nothing can be written now; nil: it can
	lost    uint64           // records, since Open
	mount   *accesslog.Mount // of this process, while it is up
	beat    time.Time        // when its next heartbeat is due
	closed  bool
}

// entry is a record that waits to be written.
type entry struct {
	row               // without a record: a checkpoint is wanted
	done chan<- error // has room; nil: nobody waits
}

// missed counts what a log-gap record tells of: records that were lost, and operations that were
// refused because they could not be recorded.
type missed struct{ lost, refused uint64 }

func newQueue(now func() time.Time) *queue {
	return &queue{now: now, wake: make(chan struct{}, 1)}
}

// put hands a record over to be written. With best-effort a full queue loses it.
func (q *queue) put(r *accesslog.Record) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	if len(q.waiting) >= maxQueue {
		q.missLocked(missed{lost: 1}, cmp.Or(q.stuck, errFull))
		return nil
	}
	q.waiting = append(q.waiting, entry{row: row{record: r}})
	if q.stuck == nil { // else it is tried again each second, however many come
		q.poke()
	}
	return nil
}

// do hands a record over, or with nil asks for a checkpoint, and waits until that is
// on the disk. If ctx ends before, the record may still be written.
func (q *queue) do(ctx context.Context, r *accesslog.Record) error {
	done := make(chan error, 1)
	e := entry{row{record: r}, done}
	if r != nil {
		if err := e.encode(); err != nil {
			return err
		}
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	q.waiting = append(q.waiting, e)
	q.mu.Unlock()
	q.poke()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns what waits, or as much as one write should have.
func (q *queue) take() (batch []entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), maxBatch)
	if q.stuck != nil { // there may be room for a few, and then for more
		n = min(n, probeBatch)
	}
	batch = q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	return batch
}

// written takes in that a batch is in the log.
func (q *queue) written() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stuck = nil
}

// giveBack takes back what could not be written. Records for which nobody waits do so
// again, ahead of newer ones, as long as there is room and the log is open. It returns
// what others wait for in vain: they would wait behind these, and for the lock a second time.
func (q *queue) giveBack(batch []entry, beat *accesslog.Record, why error) (vain []entry) {
	if beat != nil {
		batch = append(batch, entry{row: row{record: beat}})
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stuck = why
	var (
		kept []entry
		m    missed
	)
	for i, e := range slices.Concat(batch, q.waiting) {
		switch {
		case e.done != nil:
			vain = append(vain, e)
			if e.record != nil {
				m.refused++
			}
		case q.closed || len(kept) >= maxQueue || i < len(batch) && e.encode() != nil: // a record that can't be encoded keeps no others
			m.lost++
		default:
			kept = append(kept, e)
		}
	}
	q.waiting = kept
	if m != (missed{}) {
		q.missLocked(m, why)
	}
	return vain
}

// state returns how many records wait, and whether no more can come.
func (q *queue) state() (waiting int, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting), q.closed
}

// close lets no more records in, and reports whether it was closed before.
func (q *queue) close() (again bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	again, q.closed = q.closed, true
	q.poke()
	return again
}

// miss counts what could not be written.
func (q *queue) miss(m missed, why error) {
	if m == (missed{}) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.missLocked(m, why)
}

func (q *queue) missLocked(m missed, why error) {
	if q.missed == (missed{}) {
		q.since = q.now()
	}
	q.missed.lost += m.lost
	q.missed.refused += m.refused
	q.lost += m.lost
	q.why = why
}

// untold returns what no log-gap record tells of yet, since when, and the last reason.
func (q *queue) untold() (m missed, since time.Time, why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.missed, q.since, q.why
}

// told forgets what a log-gap record tells of now.
func (q *queue) told(m missed) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.missed.lost -= m.lost
	q.missed.refused -= m.refused
}

// lostEver is how many records could not be written since Open.
func (q *queue) lostEver() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// mounted begins heartbeats, and ends them with nil. It returns what was mounted before.
func (q *queue) mounted(m *accesslog.Mount) (before *accesslog.Mount) {
	q.mu.Lock()
	defer q.mu.Unlock()
	before, q.mount = q.mount, m
	q.beat = q.now().Add(accesslog.HeartbeatEvery)
	return before
}

// heartbeat returns the record that is due, if one is.
func (q *queue) heartbeat(now time.Time) *accesslog.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mount == nil || now.Before(q.beat) {
		return nil
	}
	q.beat = now.Add(accesslog.HeartbeatEvery)
	return &accesslog.Record{Operation: accesslog.OpHeartbeat, Outcome: accesslog.Success,
		Detail: accesslog.Detail(accesslog.MountDetail{Mount: &accesslog.Mount{ID: q.mount.ID}, Lost: q.lost})}
}

// due returns when the queue itself has something to say: that records are lost, or a
// heartbeat. most is the latest.
func (q *queue) due(now time.Time, most time.Duration) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.missed != (missed{}) {
		most = min(most, retryEvery)
	}
	if q.mount != nil {
		most = min(most, q.beat.Sub(now))
	}
	return most
}

// Errors of Record.
var (
	ErrClosed = errors.New("accesslog: the log is closed")
	errFull   = errors.New("accesslog: the queue is full")
)
