package audit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// Silence is a time in which a mount that was up recorded no heartbeat, though one is
// due each hour. It is no change of the log: the process was stopped, or the records
// were lost, which others may tell of. Time for which the machine was suspended does
// not count.
type Silence struct {
	Mountpoint string `json:"mountpoint"`
	From       int64  `json:"from"`  // sequence number of the record before it
	To         int64  `json:"to"`    // of the one that ended it, or of the log's last
	Ended      bool   `json:"ended"` // by a record of that mount
	Seconds    int64  `json:"seconds"`
}

func (s Silence) String() string {
	long := time.Duration(s.Seconds) * time.Second
	if !s.Ended {
		return fmt.Sprintf("the mount on %s recorded no heartbeat for %v, from record %d to the last, %d; one is due each hour", s.Mountpoint, long, s.From, s.To)
	}
	return fmt.Sprintf("the mount on %s recorded no heartbeat for %v, between records %d and %d; one is due each hour", s.Mountpoint, long, s.From, s.To)
}

// silenceAfter leaves room for a heartbeat that a full disk refused.
const silenceAfter = 5 * accesslog.HeartbeatEvery / 2

// signsOfLife are the operations that tell whether a mount is up.
var signsOfLife = []accesslog.Operation{accesslog.OpMount, accesslog.OpHeartbeat, accesslog.OpUnmount, accesslog.OpUnclean}

// pulse is the last sign of life of each mount that is up, by its id. A mount whose
// beginning is not in the log any more is known from its first heartbeat.
type pulse map[string]*accesslog.Record

// feel judges the time between two signs of life of a mount.
func (p pulse) feel(report *Report, r *accesslog.Record) {
	var d accesslog.MountDetail
	if json.Unmarshal(r.Detail, &d) != nil || d.Mount == nil || r.Operation == accesslog.OpMount && r.Outcome != accesslog.Success {
		return
	}
	id := d.Mount.ID
	// The end of a process that left no record of it is not known.
	if last := p[id]; last != nil && r.Operation != accesslog.OpUnclean {
		report.judgeSilence(last, r, true)
	}
	if r.Operation == accesslog.OpUnmount || r.Operation == accesslog.OpUnclean {
		delete(p, id)
	} else {
		p[id] = r
	}
}

// end judges the mounts that are still up by the last record of the log.
func (p pulse) end(report *Report, newest []byte) {
	r, err := logfile.ParseRecord(newest)
	if err != nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(p)) {
		report.judgeSilence(p[id], &r, false)
	}
}

// judgeSilence compares clocks that nobody sets. Those of two boots can't be compared.
func (r *Report) judgeSilence(from, to *accesslog.Record, ended bool) {
	awake := time.Duration(to.Monotonic-from.Monotonic) - time.Duration(to.Suspended-from.Suspended)*time.Second
	if from.Boot != to.Boot || from.Host != to.Host || awake <= silenceAfter || len(r.Silences) >= maxFindings {
		return
	}
	r.Silences = append(r.Silences, Silence{Mountpoint: from.Mountpoint, From: int64(from.Sequence), To: int64(to.Sequence),
		Ended: ended, Seconds: int64(awake / time.Second)})
}
