package writer

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// Mounted records that a mount begins: r says more, such as its detail. Mounts of
// the log that ended without a record get one first (OpUnclean). From now on the
// log records each hour that the mount is up, until Unmounted.
//
// An error is as with Record: it ends the mount in mode Required.
func (l *Log) Mounted(r accesslog.Record) error {
	id := make([]byte, 8)
	rand.Read(id)
	l.fill(&r)
	m := accesslog.Mount{ID: hex.EncodeToString(id), Mountpoint: r.Mountpoint, PID: os.Getpid(), Start: startTime(os.Getpid()),
		Boot: r.Boot, Namespace: pidNamespace(), Host: r.Host}
	r.Operation, r.Detail = accesslog.OpMount, accesslog.Detail(accesslog.MountDetail{Mount: &m, Info: r.Detail})
	if r.Outcome == "" {
		r.Outcome = accesslog.Success
	}
	err := l.now(func(s *store) []*accesslog.Record {
		records := []*accesslog.Record{}
		for _, u := range s.ended() {
			unclean := &accesslog.Record{Operation: accesslog.OpUnclean, Outcome: accesslog.Failed, Mountpoint: u.Mountpoint,
				Detail: accesslog.Detail(accesslog.MountDetail{Mount: &u}), Error: "the process ended without a record of it"}
			l.fill(unclean)
			records = append(records, unclean)
		}
		return append(records, &r)
	})
	l.queue.Lock()
	l.mount, l.beat = &m, l.options.Now().Add(accesslog.HeartbeatEvery)
	l.queue.Unlock()
	return l.verdict(err, 1)
}

// Unmounted records that the mount of this log ended in order.
func (l *Log) Unmounted(r accesslog.Record) error {
	l.queue.Lock()
	m := l.mount
	l.mount = nil
	lost := l.lostEver
	l.queue.Unlock()
	if m == nil {
		return nil
	}
	r.Operation, r.Detail = accesslog.OpUnmount, accesslog.Detail(accesslog.MountDetail{Mount: &accesslog.Mount{ID: m.ID}, Lost: lost, Info: r.Detail})
	if r.Outcome == "" {
		r.Outcome = accesslog.Success
	}
	return l.Record(r)
}

// heartbeat returns the record that is due, if one is.
func (l *Log) heartbeat(now time.Time) *accesslog.Record {
	l.queue.Lock()
	m, due, lost := l.mount, l.mount != nil && !now.Before(l.beat), l.lostEver
	if due {
		l.beat = now.Add(accesslog.HeartbeatEvery)
	}
	l.queue.Unlock()
	if !due {
		return nil
	}
	r := &accesslog.Record{Operation: accesslog.OpHeartbeat, Outcome: accesslog.Success, Detail: accesslog.Detail(accesslog.MountDetail{Mount: &accesslog.Mount{ID: m.ID}, Lost: lost})}
	l.fill(r)
	return r
}

// unsignedTail returns a record of what was taken up at the start though no checkpoint
// covers it. A process that was killed leaves that; so does somebody who appends to a
// log that nobody writes. While a mount is up it is the mount's, and signed in a moment.
func (s *store) unsignedTail() []accesslog.Record {
	if s.edge.N == s.signed || len(s.up) > len(s.ended()) {
		return nil
	}
	return []accesslog.Record{gap(accesslog.GapDetail{Reason: "records that no checkpoint covered were taken up unchecked", Records: logfile.Range(s.signed, s.edge.N)})}
}

// ended returns the mounts whose process no longer runs, as far as this process can
// tell: those of another host or another numbering of processes are left alone.
func (s *store) ended() []accesslog.Mount {
	var all []accesslog.Mount
	for _, id := range slices.Sorted(maps.Keys(s.up)) {
		m := s.up[id]
		if m.Host != process().host {
			continue
		}
		if m.Boot == process().boot && (m.Namespace != pidNamespace() || startTime(m.PID) == m.Start) {
			continue
		}
		all = append(all, m)
	}
	return all
}

// noteLine learns from a line which mounts are up.
func (s *store) noteLine(line []byte) {
	if !logfile.Has(line, accesslog.OpMount, accesslog.OpUnmount, accesslog.OpUnclean, accesslog.OpLogRotate) {
		return
	}
	if r, err := logfile.ParseRecord(line); err == nil {
		s.note(&r)
	}
}

// note learns from a record which mounts are up.
func (s *store) note(r *accesslog.Record) {
	switch r.Operation {
	case accesslog.OpLogRotate:
		var d accesslog.RotateDetail
		if json.Unmarshal(r.Detail, &d) == nil {
			clear(s.up)
			for _, m := range d.Up {
				s.up[m.ID] = m
			}
		}
	case accesslog.OpMount, accesslog.OpUnmount, accesslog.OpUnclean:
		var d accesslog.MountDetail
		if json.Unmarshal(r.Detail, &d) != nil || d.Mount == nil {
			return
		}
		if r.Operation != accesslog.OpMount {
			delete(s.up, d.Mount.ID)
		} else if r.Outcome == accesslog.Success {
			s.up[d.Mount.ID] = *d.Mount
		}
	}
}

// rotation is the first record of a file that does not begin the log.
func (s *store) rotation() accesslog.Record {
	d := accesslog.RotateDetail{Up: []accesslog.Mount{}}
	for _, id := range slices.Sorted(maps.Keys(s.up)) {
		d.Up = append(d.Up, s.up[id])
	}
	return accesslog.Record{Operation: accesslog.OpLogRotate, Outcome: accesslog.Success, Detail: accesslog.Detail(d)}
}
