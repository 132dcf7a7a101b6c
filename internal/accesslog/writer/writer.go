package writer

import (
	"fmt"
	"time"

	"veriffs/internal/accesslog"
)

// Times of the writer.
const (
	retryEvery    = time.Second // after a failure, to say what was lost
	complainEvery = time.Minute
	retireEvery   = 24 * time.Hour
	othersStay    = time.Minute // how long another process is reckoned with that has written

	// gatherFor is how long records gather with best-effort, for which nobody waits:
	// by itself each would wake the writer, take the lock and be a write, at the
	// expense of whoever opens files.
	gatherFor = 10 * time.Millisecond
)

// run writes what waits until the log is closed.
func (l *Log) run() {
	defer close(l.ended)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		batch, closed := l.take()
		if len(batch) == 0 && !closed {
			timer.Reset(l.idle())
			select {
			case <-l.wake:
			case <-timer.C:
			}
			if l.options.Mode == accesslog.BestEffort {
				time.Sleep(gatherFor)
			}
			batch, closed = l.take()
		}
		if err := l.commit(batch); err != nil && closed && len(batch) == 0 {
			l.last = err
		}
		if closed && len(batch) == 0 {
			l.disk.Lock()
			l.store.close()
			l.disk.Unlock()
			return
		}
	}
}

// take returns the records that wait, or as many as one write should have. closed
// means that none will follow these, if there are none.
func (l *Log) take() (batch []entry, closed bool) {
	l.queue.Lock()
	defer l.queue.Unlock()
	n := min(len(l.waiting), maxBatch)
	batch = l.waiting[:n:n]
	if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
		l.waiting = nil
	}
	return batch, l.closed
}

// idle returns how long there is nothing to do unless a record arrives.
func (l *Log) idle() time.Duration {
	now := l.options.Now()
	wait := retireEvery
	l.disk.Lock()
	if l.store.edge.N > l.store.signed {
		wait = min(wait, l.store.signedAt.Add(checkpointEvery).Sub(now))
	}
	if l.failing {
		wait = min(wait, retryEvery)
	}
	l.disk.Unlock()
	l.queue.Lock()
	if l.lost+l.refused > 0 {
		wait = min(wait, retryEvery)
	}
	if l.mount != nil {
		wait = min(wait, l.beat.Sub(now))
	}
	l.queue.Unlock()
	return max(wait, time.Millisecond)
}

// commit writes a batch and whatever else is due, and tells those who wait.
func (l *Log) commit(batch []entry) error {
	beat := l.heartbeat(l.options.Now())
	sign := false
	l.disk.Lock()
	err := l.commitLocked(func(*store) ([]*accesslog.Record, bool) {
		records := make([]*accesslog.Record, 0, len(batch)+1)
		for _, e := range batch {
			if e.record != nil {
				records = append(records, e.record)
			}
			sign = sign || e.record == nil
		}
		if beat != nil {
			records = append(records, beat)
		}
		return records, l.options.Mode == accesslog.Required && len(records) > 0
	})
	signed := err
	if err == nil && sign {
		signed = l.locked(func() error { return l.store.sign(l.options.Now()) })
		l.external.Offer(l.store.signed, l.store.signedText)
	}
	l.disk.Unlock()
	if err != nil {
		l.miss(batch, beat != nil, err)
	}
	for _, e := range batch { // done has room
		switch {
		case e.record == nil:
			e.done <- signed
		case e.done != nil:
			e.done <- err
		}
	}
	return err
}

// miss counts a batch that could not be written.
func (l *Log) miss(batch []entry, beat bool, why error) {
	lost, refused := 0, uint64(0)
	if beat {
		lost++
	}
	for _, e := range batch {
		switch {
		case e.done == nil:
			lost++
		case e.record != nil:
			refused++
		}
	}
	if lost == 0 && refused == 0 {
		return
	}
	l.queue.Lock()
	defer l.queue.Unlock()
	l.loseLocked(lost, why)
	l.refused += refused
}

// commitLocked takes the lock of the log, writes what build returns, after what has
// to be said before it, and does what is due. build says whether its records must be
// durable. An error means that none of them is in the log.
func (l *Log) commitLocked(build func(*store) ([]*accesslog.Record, bool)) (err error) {
	s := &l.store
	reached, wrote := false, false
	defer func() {
		if err != nil {
			l.unwritten = l.unwritten || reached
		} else if wrote {
			l.unwritten = false
		}
		if err == nil && l.unwritten { // nothing was tried: it may still fail
			return
		}
		l.complain(err)
		l.condition.wrote(s.edge.N, err)
	}()
	return s.locked(func() error {
		reached = true
		now := l.options.Now()
		if s.end >= l.options.MaxFile && s.currentRows > 0 {
			if err := s.rotate(now); err != nil {
				return err
			}
		}
		records, durable := build(s)
		gone, before := l.preface(s)
		if len(records)+len(before) > 0 {
			if err := s.append(append(before, records...), durable); err != nil {
				return err
			}
			wrote = true
			l.prefaced(gone)
		}
		l.maintain(now)
		return nil
	})
}

// missed counts what a record tells of: records that were lost, and operations that were
// refused because they could not be recorded.
type missed struct{ lost, refused uint64 }

// locked runs f with the lock of the log held, after what was found is recorded: no
// checkpoint covers what was taken up unchecked without the record that says so.
func (l *Log) locked(f func() error) error {
	s := &l.store
	return s.locked(func() error {
		if len(s.found) > 0 {
			gone, before := l.preface(s)
			if err := s.append(before, true); err != nil {
				return err
			}
			l.prefaced(gone)
		}
		return f()
	})
}

// prefaced forgets what is recorded now.
func (l *Log) prefaced(gone missed) {
	l.store.found = nil
	l.queue.Lock()
	l.lost -= gone.lost
	l.refused -= gone.refused
	l.queue.Unlock()
}

// preface returns what must be said before the next record: that a file begins,
// what was found wrong, and how many records were lost.
func (l *Log) preface(s *store) (gone missed, before []*accesslog.Record) {
	add := func(r accesslog.Record) {
		l.fill(&r)
		before = append(before, &r)
	}
	if s.currentRows == 0 && s.edge.N > 0 {
		add(s.rotation())
	}
	for _, r := range s.found {
		add(r)
	}
	l.queue.Lock()
	gone = missed{l.lost, l.refused}
	since, why := l.since, l.why
	l.queue.Unlock()
	if gone != (missed{}) {
		add(gap(accesslog.GapDetail{Reason: fmt.Sprint(why), Lost: gone.lost, Refused: gone.refused, Since: since.UTC().Format(time.RFC3339)}))
	}
	return gone, before
}

// maintain signs a checkpoint and deletes old files when that is due. Failing that
// loses no record: it is complained of, and tried again.
func (l *Log) maintain(now time.Time) {
	s := &l.store
	l.queue.Lock()
	closed := l.closed && len(l.waiting) == 0
	l.queue.Unlock()
	if closed || s.others(now) || now.Sub(s.signedAt) >= checkpointEvery || now.Before(s.signedAt) {
		if err := s.sign(now); err != nil {
			s.signedAt = now // try again in a while
			if time.Since(l.toldUnsigned) >= complainEvery {
				l.toldUnsigned = time.Now()
				l.log.Warn("the access log's checkpoint can't be written", "error", err)
			}
		}
	}
	if l.options.Keep > 0 && !now.Before(l.retire) {
		l.retire = now.Add(retireEvery)
		if err := l.retireFiles(now); err != nil {
			l.log.Warn("old files of the access log can't be deleted", "error", err)
		}
	}
	l.external.Offer(s.signed, s.signedText)
}

// complain tells the log of the program that records can't be written, now and then,
// and when they can be again.
func (l *Log) complain(err error) {
	switch {
	case err == nil && l.failing:
		l.failing = false
		l.log.Warn("the access log can be written again")
	case err != nil && (!l.failing || time.Since(l.told) >= complainEvery):
		l.failing, l.told = true, time.Now()
		effect := "what is opened is NOT recorded until this is mended"
		if l.options.Mode == accesslog.Required {
			effect = "nothing can be opened until this is mended"
		}
		l.log.Error("the access log can't be written: "+effect, "path", l.options.Path, "error", err)
	}
}
