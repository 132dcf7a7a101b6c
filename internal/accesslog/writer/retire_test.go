package writer

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// keeper opens a log at a time that the test sets, once for each day that passes.
type keeper struct {
	*world
	now  time.Time
	keep time.Duration
}

const day = 24 * time.Hour

func newKeeper(t *testing.T) *keeper {
	return &keeper{newWorld(t), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 10 * day}
}

// pass records something each day.
func (k *keeper) pass(days int) {
	k.T.Helper()
	for range days {
		l := k.open(required, func(o *Options) {
			o.Keep = k.keep
			o.Now = func() time.Time { return k.now }
		})
		k.Fill(l, 1)
		k.Close(l)
		k.Verifies()
		k.now = k.now.Add(day)
	}
}

// oldest is the age of the oldest record.
func (k *keeper) oldest() time.Duration {
	k.T.Helper()
	return k.now.Sub(k.All(accesslog.Filter{})[0].Time)
}

// TestRetireFewRecords: where few files are opened, records do not stay until a file
// is full.
func TestRetireFewRecords(t *testing.T) {
	k := newKeeper(t)
	k.pass(30)
	if age := k.oldest(); age < 10*day || age > 13*day {
		t.Errorf("the oldest record is of %v ago", age)
	}
	if r := k.Verifies(); r.Retired < 15 {
		t.Errorf("%+v", r)
	}
}

// TestRetireMovedFiles: records go in time also where another program moves the files,
// and what is none of the log's keeps no other file.
func TestRetireMovedFiles(t *testing.T) {
	k := newKeeper(t)
	other := k.Path() + ".notes"
	link := logfile.Files{Base: k.Path()}.Rotated(0)
	k.keep = 1000 * day
	k.pass(3)
	if err := os.Rename(k.Path(), k.Path()+"-20260103"); err != nil {
		t.Fatal(err)
	}
	k.pass(1)
	if err := errors.Join(os.WriteFile(other, []byte("not a record\n"), 0o600), os.Symlink(other, link)); err != nil {
		t.Fatal(err)
	}
	k.keep, k.now = 10*day, k.now.Add(20*day)
	l := k.open(func(o *Options) { o.Keep, o.Now = k.keep, func() time.Time { return k.now } })
	k.Close(l)
	if _, err := os.Stat(k.Path() + "-20260103"); !os.IsNotExist(err) {
		t.Errorf("the moved file is still there: %v", err)
	}
	for _, path := range []string{other, link} {
		if _, err := os.Lstat(path); err != nil || !strings.Contains(k.Said.String(), path) {
			t.Errorf("%v; said: %s", err, k.Said.String())
		}
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	k.Verifies()
}
