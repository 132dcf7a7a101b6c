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
// the log that ended without a record, or of which this can't be told, get one first
// (OpUnclean). From now on the
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
		s.own = m.ID
		ended, reasons := s.ended()
		for i, u := range ended {
			unclean := &accesslog.Record{Operation: accesslog.OpUnclean, Outcome: accesslog.Failed, Mountpoint: u.Mountpoint,
				Detail: accesslog.Detail(accesslog.MountDetail{Mount: &u}), Error: reasons[i]}
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

// reasons of an unclean record.
const (
	mountDied    = "the process ended without a record of it"
	mountUnknown = "nothing tells whether it has ended: its process is of another host or of another numbering of processes"
)

// ended returns the mounts whose process no longer runs, and those of which this process
// can't tell, with the reason. The latter would count as up for ever otherwise: a
// container has another host name each time it starts.
func (s *store) ended() (all []accesslog.Mount, reasons []string) {
	for _, id := range slices.Sorted(maps.Keys(s.up)) {
		m, reason := s.up[id], mountDied
		switch {
		case m.Boot == process().boot && (m.Host != process().host || m.Namespace != pidNamespace()):
			reason = mountUnknown
		case m.Boot == process().boot && startTime(m.PID) == m.Start:
			continue
		case m.Host != process().host:
			reason = mountUnknown
		}
		all, reasons = append(all, m), append(reasons, reason)
	}
	return all, reasons
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
