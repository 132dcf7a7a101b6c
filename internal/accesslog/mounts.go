package accesslog

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"time"
)

// heartbeatEvery is how often a mount records that it is up.
const heartbeatEvery = time.Hour

// Mount is a mount that a log has a record of. It is the detail of the records of
// mounts.
type Mount struct {
	ID         string `json:"id"`
	Mountpoint string `json:"mountpoint,omitempty"`
	PID        int    `json:"pid,omitempty"`
	Start      uint64 `json:"start,omitempty"` // of the process, as in Caller
	Boot       string `json:"boot,omitempty"`
	Namespace  string `json:"pid_ns,omitempty"` // in which PID counts
	Host       string `json:"host,omitempty"`
}

// mountDetail is the detail of mount, unmount, heartbeat and unclean.
type mountDetail struct {
	Mount *Mount          `json:"mount,omitempty"`
	Lost  uint64          `json:"lost,omitempty"` // records, since the mount began
	Info  json.RawMessage `json:"info,omitempty"` // of the caller
}

// rotateDetail is the detail of log-rotate.
type rotateDetail struct {
	Up []Mount `json:"up"` // the mounts that are up
}

// Mounted records that a mount begins: r says more, such as its detail. Mounts of
// the log that ended without a record get one first (OpUnclean). From now on the
// log records each hour that the mount is up, until Unmounted.
//
// An error is as with Record: it ends the mount in mode Required.
func (l *Log) Mounted(r Record) error {
	id := make([]byte, 8)
	rand.Read(id)
	l.fill(&r)
	m := Mount{ID: hex.EncodeToString(id), Mountpoint: r.Mountpoint, PID: os.Getpid(), Start: startTime(os.Getpid()),
		Boot: r.Boot, Namespace: pidNamespace(), Host: r.Host}
	r.Operation, r.Detail = OpMount, detail(mountDetail{Mount: &m, Info: r.Detail})
	if r.Outcome == "" {
		r.Outcome = Success
	}
	err := l.now(func(s *store) []*Record {
		records := []*Record{}
		for _, u := range s.ended() {
			unclean := &Record{Operation: OpUnclean, Outcome: Failed, Mountpoint: u.Mountpoint,
				Detail: detail(mountDetail{Mount: &u}), Error: "the process ended without a record of it"}
			l.fill(unclean)
			records = append(records, unclean)
		}
		return append(records, &r)
	})
	l.queue.Lock()
	l.mount, l.beat = &m, l.options.Now().Add(heartbeatEvery)
	l.queue.Unlock()
	return l.verdict(err, 1)
}

// Unmounted records that the mount of this log ended in order.
func (l *Log) Unmounted(r Record) error {
	l.queue.Lock()
	m := l.mount
	l.mount = nil
	lost := l.lostEver
	l.queue.Unlock()
	if m == nil {
		return nil
	}
	r.Operation, r.Detail = OpUnmount, detail(mountDetail{Mount: &Mount{ID: m.ID}, Lost: lost, Info: r.Detail})
	if r.Outcome == "" {
		r.Outcome = Success
	}
	return l.Record(r)
}

// heartbeat returns the record that is due, if one is.
func (l *Log) heartbeat(now time.Time) *Record {
	l.queue.Lock()
	m, due, lost := l.mount, l.mount != nil && !now.Before(l.beat), l.lostEver
	if due {
		l.beat = now.Add(heartbeatEvery)
	}
	l.queue.Unlock()
	if !due {
		return nil
	}
	r := &Record{Operation: OpHeartbeat, Outcome: Success, Detail: detail(mountDetail{Mount: &Mount{ID: m.ID}, Lost: lost})}
	l.fill(r)
	return r
}

// unsignedTail returns a record of what was taken up at the start though no checkpoint
// covers it. A process that was killed leaves that; so does somebody who appends to a
// log that nobody writes. While a mount is up it is the mount's, and signed in a moment.
func (s *store) unsignedTail() []Record {
	if s.edge.n == s.signed || len(s.up) > len(s.ended()) {
		return nil
	}
	return []Record{gap(lostData{Reason: "records that no checkpoint covered were taken up unchecked", Records: sequences(s.signed, s.edge.n)})}
}

// ended returns the mounts whose process no longer runs, as far as this process can
// tell: those of another host or another numbering of processes are left alone.
func (s *store) ended() []Mount {
	var all []Mount
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
	if !has(line, OpMount, OpUnmount, OpUnclean, OpLogRotate) {
		return
	}
	if r, err := parseRecord(line); err == nil {
		s.note(&r)
	}
}

// note learns from a record which mounts are up.
func (s *store) note(r *Record) {
	switch r.Operation {
	case OpLogRotate:
		var d rotateDetail
		if json.Unmarshal(r.Detail, &d) == nil {
			clear(s.up)
			for _, m := range d.Up {
				s.up[m.ID] = m
			}
		}
	case OpMount, OpUnmount, OpUnclean:
		var d mountDetail
		if json.Unmarshal(r.Detail, &d) != nil || d.Mount == nil {
			return
		}
		if r.Operation != OpMount {
			delete(s.up, d.Mount.ID)
		} else if r.Outcome == Success {
			s.up[d.Mount.ID] = *d.Mount
		}
	}
}

// rotation is the first record of a file that does not begin the log.
func (s *store) rotation() Record {
	d := rotateDetail{Up: []Mount{}}
	for _, id := range slices.Sorted(maps.Keys(s.up)) {
		d.Up = append(d.Up, s.up[id])
	}
	return Record{Operation: OpLogRotate, Outcome: Success, Detail: detail(d)}
}
