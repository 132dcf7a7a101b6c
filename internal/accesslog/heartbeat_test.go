package accesslog

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestHeartbeat: a mount is recorded to be up each hour, and no longer once it has
// ended.
func TestHeartbeat(t *testing.T) {
	w := newWorld(t)
	var passed atomic.Int64
	l := w.open(func(o *Options) {
		o.Mode = Required // so that a record is written when Record returns
		o.Now = func() time.Time { return w.now.Add(time.Duration(passed.Load())) }
	})
	step := func(d time.Duration) {
		t.Helper()
		passed.Add(int64(d))
		if err := l.Record(Record{Operation: OpOpen}); err != nil {
			t.Fatal(err)
		}
	}
	step(2 * time.Hour)
	if err := l.Mounted(Record{Mountpoint: "/mnt"}); err != nil {
		t.Fatal(err)
	}
	step(59 * time.Minute)
	step(time.Minute)
	step(time.Minute)
	step(59 * time.Minute)
	if err := l.Unmounted(Record{}); err != nil {
		t.Fatal(err)
	}
	step(2 * time.Hour)
	w.close(l)
	var beats []time.Duration
	for _, r := range w.lines() {
		if r.Operation == OpHeartbeat {
			if r.Outcome != Success || len(r.Detail) == 0 {
				t.Errorf("%+v", r)
			}
			beats = append(beats, r.Time.Sub(w.now))
		}
	}
	if len(beats) != 2 || beats[0] != 3*time.Hour || beats[1] != 4*time.Hour {
		t.Errorf("beats after %v", beats)
	}
}
