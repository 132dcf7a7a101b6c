package audit_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
)

// TestSilence: a mount that is up and gives no sign of itself is told of, and is no
// finding; suspended time, one heartbeat that is missing and another boot are no silence.
func TestSilence(t *testing.T) {
	type sign struct {
		op        accesslog.Operation
		mount     string
		at        float64 // hours since the boot
		suspended float64
		boot      string
	}
	silence := func(mount string, from, to, hours int64, ended bool) audit.Silence {
		return audit.Silence{Mountpoint: "/" + mount, From: from, To: to, Ended: ended, Seconds: hours * 3600}
	}
	const begin, beat, end = accesslog.OpMount, accesslog.OpHeartbeat, accesslog.OpUnmount
	for name, c := range map[string]struct {
		signs []sign
		want  []audit.Silence
	}{
		"regular":        {[]sign{{begin, "a", 1, 0, "x"}, {beat, "a", 2, 0, "x"}, {beat, "a", 3, 0, "x"}, {end, "a", 3.5, 0, "x"}}, nil},
		"one is missing": {[]sign{{begin, "a", 1, 0, "x"}, {beat, "a", 3, 0, "x"}}, nil},
		"stopped":        {[]sign{{begin, "a", 1, 0, "x"}, {beat, "a", 2, 0, "x"}, {beat, "a", 8, 0, "x"}}, []audit.Silence{silence("a", 1, 2, 6, true)}},
		"until its end":  {[]sign{{begin, "a", 1, 0, "x"}, {end, "a", 5, 0, "x"}}, []audit.Silence{silence("a", 0, 1, 4, true)}},
		"suspended":      {[]sign{{begin, "a", 1, 3, "x"}, {beat, "a", 10, 11, "x"}}, nil},
		"suspended less": {[]sign{{begin, "a", 1, 0, "x"}, {beat, "a", 10, 4, "x"}}, []audit.Silence{silence("a", 0, 1, 5, true)}},
		"opens alone": {[]sign{{begin, "a", 1, 0, "x"}, {accesslog.OpOpen, "a", 2, 0, "x"}, {accesslog.OpOpen, "a", 5, 0, "x"}},
			[]audit.Silence{silence("a", 0, 2, 4, false)}},
		"another speaks": {[]sign{{begin, "a", 1, 0, "x"}, {begin, "b", 1, 0, "x"}, {beat, "b", 2, 0, "x"}, {beat, "b", 3, 0, "x"}, {beat, "b", 4, 0, "x"}},
			[]audit.Silence{silence("a", 0, 4, 3, false)}},
		"ended":        {[]sign{{begin, "a", 1, 0, "x"}, {end, "a", 2, 0, "x"}, {begin, "b", 9, 0, "x"}}, nil},
		"killed":       {[]sign{{begin, "a", 1, 0, "x"}, {accesslog.OpUnclean, "a", 9, 0, "x"}}, nil},
		"another boot": {[]sign{{begin, "a", 1, 0, "x"}, {begin, "b", 9, 0, "y"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var records []accesslog.Record
			for _, s := range c.signs {
				r := accesslog.Record{Operation: s.op, Outcome: accesslog.Success, Mountpoint: "/" + s.mount, Boot: s.boot,
					Monotonic: int64(s.at * float64(time.Hour)), Suspended: int64(s.suspended * 3600)}
				if s.op != accesslog.OpOpen {
					r.Detail = accesslog.Detail(accesslog.MountDetail{Mount: &accesslog.Mount{ID: s.mount}})
				}
				records = append(records, r)
			}
			w.Forge(records...)
			got := w.Verifies().Silences
			if len(got) == 0 {
				got = nil
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
