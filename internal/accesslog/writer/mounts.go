package writer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"slices"

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
	l.queue.mounted(&m)
	return l.verdict(err)
}

// Unmounted records that the mount of this log ended in order.
func (l *Log) Unmounted(r accesslog.Record) error {
	m := l.queue.mounted(nil)
	if m == nil {
		return nil
	}
	r.Operation, r.Detail = accesslog.OpUnmount, accesslog.Detail(accesslog.MountDetail{Mount: &accesslog.Mount{ID: m.ID}, Lost: l.Lost(), Info: r.Detail})
	if r.Outcome == "" {
		r.Outcome = accesslog.Success
	}
	ctx, cancel := context.WithTimeout(context.Background(), closePatience) // its disk may hang
	defer cancel()
	return l.Record(ctx, r)
}

// mounts is which mounts are up, as the records say.
type mounts struct {
	up  map[string]accesslog.Mount // by their ids
	own string                     // the id of this process's
}

func (m *mounts) forget() { m.up = make(map[string]accesslog.Mount) }

// others reports whether a mount of another process is up.
func (m *mounts) others() bool {
	for id := range m.up {
		if id != m.own {
			return true
		}
	}
	return false
}

// reasons of an unclean record.
const (
	mountDied    = "the process ended without a record of it"
	mountUnknown = "nothing tells whether it has ended: its process is of another host or of another numbering of processes"
)

// ended returns the mounts whose process no longer runs, and those of which this process
// can't tell, with the reason. The latter would count as up for ever otherwise: a
// container has another host name each time it starts.
func (m *mounts) ended() (all []accesslog.Mount, reasons []string) {
	for _, id := range slices.Sorted(maps.Keys(m.up)) {
		u, reason := m.up[id], mountDied
		switch {
		case u.Boot == process().boot && (u.Host != process().host || u.Namespace != pidNamespace()):
			reason = mountUnknown
		case u.Boot == process().boot && startTime(u.PID) == u.Start:
			continue
		case u.Host != process().host:
			reason = mountUnknown
		}
		all, reasons = append(all, u), append(reasons, reason)
	}
	return all, reasons
}

// read learns from a file of the log which mounts are up.
func (m *mounts) read(path string) error {
	m.forget()
	f, err := logfile.OpenRead(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, _, err = logfile.ReadLines(f, 0, func(line []byte, _ int64) error {
		m.noteLine(line)
		return nil
	})
	return err
}

// someRun reports whether a mount is up whose process may run.
func (m *mounts) someRun() bool {
	_, reasons := m.ended()
	return len(m.up) > len(reasons) || slices.Contains(reasons, mountUnknown)
}

// noteLine learns from a line which mounts are up.
func (m *mounts) noteLine(line []byte) {
	if !logfile.Has(line, accesslog.OpMount, accesslog.OpUnmount, accesslog.OpUnclean, accesslog.OpLogRotate) {
		return
	}
	if r, err := logfile.ParseRecord(line); err == nil {
		m.note(&r)
	}
}

// note learns from a record which mounts are up.
func (m *mounts) note(r *accesslog.Record) {
	switch r.Operation {
	case accesslog.OpLogRotate:
		var d accesslog.RotateDetail
		if json.Unmarshal(r.Detail, &d) == nil {
			m.forget()
			for _, u := range d.Up {
				m.up[u.ID] = u
			}
		}
	case accesslog.OpMount, accesslog.OpUnmount, accesslog.OpUnclean:
		var d accesslog.MountDetail
		if json.Unmarshal(r.Detail, &d) != nil || d.Mount == nil {
			return
		}
		if r.Operation != accesslog.OpMount {
			delete(m.up, d.Mount.ID)
		} else if r.Outcome == accesslog.Success {
			m.up[d.Mount.ID] = *d.Mount
		}
	}
}

// rotation is the first record of a file that does not begin the log.
func (m *mounts) rotation() accesslog.Record {
	d := accesslog.RotateDetail{Up: []accesslog.Mount{}}
	for _, id := range slices.Sorted(maps.Keys(m.up)) {
		d.Up = append(d.Up, m.up[id])
	}
	return accesslog.Record{Operation: accesslog.OpLogRotate, Outcome: accesslog.Success, Detail: accesslog.Detail(d)}
}
