package writer

import (
	"fmt"
	"time"

	"veriffs/internal/accesslog"
)

// Times of the writer.
const (
	retryEvery    = time.Second // after a failure
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
		waiting, closed := l.queue.state()
		if !closed && (waiting == 0 || l.condition.isFailing()) {
			timer.Reset(l.idle())
			select {
			case <-l.queue.wake:
			case <-timer.C:
			}
		}
		if l.options.Mode == accesslog.BestEffort && waiting < maxBatch && !closed {
			time.Sleep(gatherFor)
		}
		err := l.commit()
		if waiting == 0 && closed { // so that was all
			l.last = err
			l.disk.Lock()
			l.store.close()
			l.disk.Unlock()
			return
		}
	}
}

// idle returns how long there is nothing to do unless a record arrives.
func (l *Log) idle() time.Duration {
	now := l.options.Now()
	wait := retireEvery
	l.disk.Lock()
	if l.store.edge.N > l.store.signed {
		wait = min(wait, l.store.signedAt.Add(checkpointEvery).Sub(now))
	}
	l.disk.Unlock()
	if l.condition.isFailing() {
		wait = min(wait, retryEvery)
	}
	return max(l.queue.due(now, wait), time.Millisecond)
}

// commit writes what waits and whatever else is due, and tells those who wait.
func (l *Log) commit() error {
	var (
		batch []entry
		beat  *accesslog.Record
		sign  bool
	)
	l.disk.Lock()
	err := l.commitLocked(func(*store) (rows []row, durable bool) {
		// Only now, so that what came while the lock was waited for is in this write.
		batch, beat = l.queue.take(), l.queue.heartbeat(l.options.Now())
		for _, e := range batch {
			if e.record != nil {
				rows = append(rows, e.row)
			}
			sign = sign || e.record == nil
		}
		if beat != nil {
			l.fill(beat)
			rows = append(rows, row{record: beat})
		}
		return rows, l.options.Mode == accesslog.Required
	})
	signed := err
	if err == nil && sign {
		signed = l.locked(func() error { return l.store.sign(l.options.Now()) })
		l.external.Offer(l.store.signed, l.store.signedText)
	}
	l.disk.Unlock()
	if err != nil {
		batch = l.queue.giveBack(batch, beat, err)
	} else {
		l.queue.written()
	}
	for _, e := range batch {
		switch {
		case e.record == nil:
			e.done <- signed
		case e.done != nil:
			e.done <- err
		}
	}
	return err
}

// now writes records at once, with what is lost before them, and returns when they
// are durable. build is called with the log locked and up to date.
func (l *Log) now(build func(*store) []*accesslog.Record) error {
	l.disk.Lock()
	defer l.disk.Unlock()
	return l.commitLocked(func(s *store) ([]row, bool) { return rowsOf(build(s)), true })
}

// commitLocked takes the lock of the log, writes what build returns, after what has
// to be said before it, and does what is due. build says whether its records must be
// durable. An error means that none of them is in the log.
func (l *Log) commitLocked(build func(*store) ([]row, bool)) (err error) {
	s := &l.store
	reached, wrote := false, false
	defer func() { l.condition.committed(reached, wrote, s.edge.N, err) }()
	return s.locked(func() error {
		reached = true
		now := l.options.Now()
		if s.full(now) {
			if err := s.rotate(now); err != nil {
				return err
			}
		}
		rows, durable := build(s)
		gone, before := l.preface(s)
		if len(rows)+len(before) > 0 {
			if err := s.append(append(before, rows...), durable && len(rows) > 0); err != nil {
				return err
			}
			wrote = true
			l.prefaced(gone)
		}
		l.maintain(now)
		return nil
	})
}

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
	l.queue.told(gone)
}

// preface returns what must be said before the next record: that a file begins,
// what was found wrong, and how many records were lost.
func (l *Log) preface(s *store) (gone missed, before []row) {
	add := func(r accesslog.Record) {
		l.fill(&r)
		before = append(before, row{record: &r})
	}
	if s.currentRows == 0 && s.edge.N > 0 {
		add(s.rotation())
	}
	for _, r := range s.found {
		add(r)
	}
	gone, since, why := l.queue.untold()
	if gone != (missed{}) {
		add(gap(accesslog.GapDetail{Reason: fmt.Sprint(why), Lost: gone.lost, Refused: gone.refused, Since: since.UTC().Format(time.RFC3339)}))
	}
	return gone, before
}

// maintain signs a checkpoint and deletes old files when that is due. Failing that
// loses no record: it is complained of, and tried again.
func (l *Log) maintain(now time.Time) {
	s := &l.store
	if waiting, closed := l.queue.state(); waiting == 0 && closed || s.others(now) || now.Sub(s.signedAt) >= checkpointEvery || now.Before(s.signedAt) {
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
