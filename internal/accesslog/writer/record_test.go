package writer

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

// childVariable makes the test binary write to a log until it is killed.
const childVariable = "VERIFFS_TEST_LOG"

func TestRecord(t *testing.T) {
	for _, mode := range []accesslog.Mode{accesslog.BestEffort, accesslog.Required} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t)
			l := w.open(func(o *Options) { o.Mode = mode })
			w.Fill(l, 5)
			w.Close(l)
			l = w.open()
			w.Fill(l, 2)
			w.Close(l)
			all := w.Lines()
			if len(all) != 7 {
				t.Fatalf("%d records", len(all))
			}
			for i, r := range all {
				if r.Sequence != uint64(i) || r.Version != "1.0" || r.Boot == "" || r.Host == "" || len(r.Salt) != 32 || r.Monotonic == 0 || r.Caller.Command != "eog" {
					t.Errorf("record %d: %+v", i, r)
				}
			}
			if w.Said.Len() > 0 {
				t.Error(w.Said.String())
			}
		})
	}
}

// TestRecordTogether: two logs, as in two processes, and many goroutines write at
// once, over several files.
func TestRecordTogether(t *testing.T) {
	w := newWorld(t)
	small := func(o *Options) { o.MaxFile = 20_000 }
	logs := []*Log{w.open(small), w.open(small, required)}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 50 {
				if err := logs[i%2].Record(t.Context(), logtest.Opened(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, l := range logs {
		w.Close(l)
	}
	beside, err := logfile.Files{Base: w.Path()}.Beside()
	if err != nil || len(beside.Rotated) < 5 {
		t.Fatal(beside, err)
	}
	w.Verifies()
}

func BenchmarkRecord(b *testing.B) {
	for _, mode := range []accesslog.Mode{accesslog.BestEffort, accesslog.Required} {
		b.Run(string(mode), func(b *testing.B) {
			w := newWorld(b)
			l := w.open(func(o *Options) { o.Mode = mode })
			r := logtest.Opened(1)
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := l.Record(b.Context(), r); err != nil {
						b.Error(err)
					}
				}
			})
			b.StopTimer()
			lost := l.Lost()
			b.ReportMetric(float64(lost)/float64(b.N), "lost/op")
			l.Close()
		})
	}
}

// TestRecordLeft: who waits for a record that can't be written now, and is being killed,
// waits no longer. The record is written once it can be.
func TestRecordLeft(t *testing.T) {
	w := newWorld(t)
	l := w.open(required)
	lock, err := l.store.TakeLock(logfile.Disk{}, logfile.LockPatience)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	left := make(chan error)
	go func() { left <- l.Record(ctx, logtest.Opened(1)) }()
	killed := errors.New("killed")
	cancel(killed)
	if err := <-left; !errors.Is(err, killed) {
		t.Error(err)
	}
	lock.Close()
	w.Close(l)
	if all := w.Lines(); len(all) != 1 {
		t.Errorf("%d records", len(all))
	}
}

// TestStuckQueueWakesNobody: while nothing can be written, records that come do not make
// the writer try again.
func TestStuckQueueWakesNobody(t *testing.T) {
	q := newQueue(time.Now)
	q.giveBack(nil, nil, unix.ENOSPC)
	r := logtest.Opened(1)
	if err := q.put(&r); err != nil || len(q.wake) != 0 {
		t.Errorf("%v, %d tokens", err, len(q.wake))
	}
	q.written()
	if err := q.put(&r); err != nil || len(q.wake) != 1 {
		t.Errorf("%v, %d tokens", err, len(q.wake))
	}
}
