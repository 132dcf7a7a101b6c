package writer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logtest"
)

// fullDisk refuses writes of records while it is full.
type fullDisk struct{ full atomic.Bool }

func (d *fullDisk) fault(operation string, size int) (int, error) {
	if operation == "write" && d.full.Load() {
		return min(size, 100), unix.ENOSPC
	}
	return size, nil
}

// lostRecords adds up what the log-gap records say.
func lostRecords(t *testing.T, all []accesslog.Record) (lost uint64) {
	t.Helper()
	for _, r := range all {
		if r.Operation == accesslog.OpLogGap {
			var d accesslog.GapDetail
			if err := json.Unmarshal(r.Detail, &d); err != nil {
				t.Fatal(err)
			}
			lost += d.Lost
		}
	}
	return lost
}

// TestFullRequired: on a full disk each Record fails, nothing of it stays, and once
// there is room again the log goes on whole.
func TestFullRequired(t *testing.T) {
	w := newWorld(t)
	var d fullDisk
	l := w.open(required, func(o *Options) { o.disk.Fault = d.fault })
	w.Fill(l, 3)
	d.full.Store(true)
	for i := range 5 {
		if err := l.Record(t.Context(), logtest.Opened(i)); err == nil {
			t.Error("a record that is not on the disk was acknowledged")
		}
	}
	// A commit that has nothing to write is no sign of room.
	refused, _, why := l.queue.untold()
	l.queue.told(refused)
	if err := l.commit(); err != nil {
		t.Error(err)
	}
	if s := l.Status(); s.Failing == "" || strings.Contains(w.Said.String(), "can be written again") {
		t.Errorf("%+v\n%s", s, w.Said.String())
	}
	l.queue.miss(refused, why)
	if r := w.Verify(); !r.OK() || r.Intact != 3 {
		t.Errorf("%+v", r)
	}
	d.full.Store(false)
	w.Fill(l, 2)
	w.Close(l)
	if r := w.Verifies(); r.Intact != 6 {
		t.Errorf("%+v", r)
	}
	var told accesslog.GapDetail
	for _, r := range w.Lines() {
		if r.Operation == accesslog.OpLogGap {
			if err := json.Unmarshal(r.Detail, &told); err != nil {
				t.Fatal(err)
			}
		}
	}
	if told.Refused != 5 || told.Lost != 0 {
		t.Errorf("%+v", told)
	}
	if said := w.Said.String(); !strings.Contains(said, "nothing can be opened") || !strings.Contains(said, "can be written again") {
		t.Error(said)
	}
}

// TestFullBestEffort: on a full disk nobody is kept from anything, and once there is
// room the records are written that have waited, in their order.
func TestFullBestEffort(t *testing.T) {
	w := newWorld(t)
	var d fullDisk
	l := w.open(func(o *Options) { o.disk.Fault = d.fault })
	w.Fill(l, 3)
	if err := l.Sign(); err != nil {
		t.Fatal(err)
	}
	d.full.Store(true)
	w.Fill(l, 7)
	for range 2 {
		if err := l.Sign(); err == nil { // so all seven have been tried
			t.Error("signed on a full disk")
		}
	}
	if s := l.Status(); s.Lost != 0 || s.Waiting != 7 || !strings.Contains(s.Failing, unix.ENOSPC.Error()) {
		t.Errorf("%+v", s)
	}
	d.full.Store(false)
	w.Fill(l, 1)
	w.Close(l)
	w.Verifies()
	var sessions []string
	for _, r := range w.Lines() {
		sessions = append(sessions, r.Session)
	}
	var want []string
	for _, n := range []int{3, 7, 1} {
		for i := range n {
			want = append(want, logtest.Session(i))
		}
	}
	if !slices.Equal(sessions, want) {
		t.Errorf("%q", sessions)
	}
	if !strings.Contains(w.Said.String(), "records wait in memory") {
		t.Error(w.Said.String())
	}
}

// TestRoomForFew: what waits is written in small pieces if there is no room for all.
func TestRoomForFew(t *testing.T) {
	w := newWorld(t)
	full, few := false, 100*1000 // bytes in one write
	l := w.open(func(o *Options) {
		o.disk.Fault = func(operation string, size int) (int, error) {
			if operation == "write" && (full || size > few) {
				return 0, unix.ENOSPC
			}
			return size, nil
		}
	})
	l.disk.Lock() // so that all is one batch
	full = true
	const records = 5 * probeBatch
	w.Fill(l, records)
	l.disk.Unlock()
	if err := l.Sign(); err == nil {
		t.Error("signed on a full disk")
	}
	l.disk.Lock()
	full = false
	l.disk.Unlock()
	for l.Sign() != nil { // at most once for each piece
	}
	w.Close(l)
	w.Verifies()
	if all := w.Lines(); lostRecords(t, all) != 0 || count(all, accesslog.OpOpen) != records {
		t.Errorf("%d records", len(all))
	}
}

// TestFullForLong: what the queue can't hold is lost, and the gap is told with why.
func TestFullForLong(t *testing.T) {
	w := newWorld(t)
	var d fullDisk
	l := w.open(func(o *Options) { o.disk.Fault = d.fault })
	d.full.Store(true)
	const more = 10
	for _, n := range []int{maxQueue, more} {
		w.Fill(l, n)
		if err := l.Sign(); err == nil { // so that none is on its way
			t.Error("signed on a full disk")
		}
	}
	if lost := l.Lost(); lost != more {
		t.Errorf("%d lost", lost)
	}
	d.full.Store(false)
	w.Close(l)
	w.Verifies()
	all := w.Lines()
	if lost := lostRecords(t, all); lost != more || len(all) != maxQueue+1 || !strings.Contains(string(all[0].Detail), "no space") {
		t.Errorf("%d records, %d lost, %s", len(all), lost, all[0].Detail)
	}
}

// TestFullToTheEnd: what is lost when the log is closed is said.
func TestFullToTheEnd(t *testing.T) {
	w := newWorld(t)
	var d fullDisk
	l := w.open(func(o *Options) { o.disk.Fault = d.fault })
	d.full.Store(true)
	w.Fill(l, 7)
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "7 records are lost") {
		t.Error(err)
	}
}

// TestFullFile: the same with a limit that the kernel sets: a write is cut short.
func TestFullFile(t *testing.T) {
	for _, mode := range []accesslog.Mode{accesslog.Required, accesslog.BestEffort} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t)
			l := w.open(func(o *Options) { o.Mode = mode })
			w.Fill(l, 2)
			if err := l.Sign(); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(w.Path())
			if err != nil {
				t.Fatal(err)
			}
			var before unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
				t.Fatal(err)
			}
			if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(info.Size()) + 300, Max: before.Max}); err != nil {
				t.Fatal(err)
			}
			failed := 0
			for i := range 4 {
				if l.Record(t.Context(), logtest.Opened(i)) != nil {
					failed++
				}
			}
			err = l.Sign()
			if undo := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); undo != nil {
				t.Fatal(undo)
			}
			if failed != 4 && mode == accesslog.Required || (failed != 0 || err == nil) && mode == accesslog.BestEffort {
				t.Errorf("%d of 4 failed, %v", failed, err)
			}
			w.Fill(l, 1)
			w.Close(l)
			w.Verifies()
			opens := 7 // none is lost
			if mode == accesslog.Required {
				opens = 3
			}
			if all := w.Lines(); lostRecords(t, all) != 0 || count(all, accesslog.OpOpen) != opens {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestQueueFull: while the disk hangs, Record with best-effort still returns, and what
// the queue can't hold is counted.
func TestQueueFull(t *testing.T) {
	w := newWorld(t)
	hang, hangs := make(chan struct{}), make(chan struct{}, 1)
	var hanging atomic.Bool
	l := w.open(func(o *Options) {
		o.disk.Fault = func(operation string, size int) (int, error) {
			if operation == "write" && hanging.Load() {
				select {
				case hangs <- struct{}{}:
				default:
				}
				<-hang
			}
			return size, nil
		}
	})
	hanging.Store(true)
	w.Fill(l, 1)
	<-hangs
	const more = 10
	w.Fill(l, maxQueue+more)
	if lost := l.Lost(); lost != more {
		t.Errorf("%d lost", lost)
	}
	close(hang)
	if err := l.Sign(); err != nil {
		t.Fatal(err)
	}
	w.Close(l)
	w.Verifies()
	if lost := lostRecords(t, w.Lines()); lost != more {
		t.Errorf("%d lost", lost)
	}
}

// TestCutFails: a record that could not be written nor cut off is told of by the next
// one, whoever writes it.
func TestCutFails(t *testing.T) {
	w := newWorld(t)
	var failing atomic.Bool
	l := w.open(required, func(o *Options) {
		o.disk.Fault = func(operation string, size int) (int, error) {
			if failing.Load() && (operation == "write" || operation == "truncate") {
				return size / 2, unix.EIO
			}
			return size, nil
		}
	})
	w.Fill(l, 1)
	failing.Store(true)
	if l.Record(t.Context(), logtest.Opened(1)) == nil {
		t.Error("acknowledged")
	}
	failing.Store(false)
	w.Fill(l, 1)
	w.Close(l)
	w.Verifies()
	all := w.Lines()
	if len(all) != 4 || all[1].Operation != accesslog.OpLogGap || all[2].Operation != accesslog.OpLogGap { // the cut, and the refusal
		t.Errorf("%v", fmt.Sprint(all))
	}
}

// TestOpenFails: a log that can't be begun says in one error what to do, and complains
// nowhere else.
func TestOpenFails(t *testing.T) {
	for _, c := range []struct {
		errno unix.Errno
		hint  string
	}{{unix.EROFS, "where this user can write"}, {unix.EACCES, "where this user can write"}, {unix.ENOSPC, "make room"}} {
		w := newWorld(t)
		o := w.options()
		o.disk.Fault = func(operation string, size int) (int, error) {
			if operation == "create" {
				return 0, c.errno
			}
			return size, nil
		}
		_, err := Open(o)
		var unusable *accesslog.Error
		if !errors.As(err, &unusable) || !strings.Contains(unusable.Hint, c.hint) || w.Said.Len() > 0 {
			t.Errorf("%v\n%s", err, w.Said.String())
		}
	}
}
