package writer

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
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

// TestRetireOnlyItsOwn: another log in the same directory, whose name begins alike, and a
// file that somebody has edited stay, whatever they say. What goes is told truly.
func TestRetireOnlyItsOwn(t *testing.T) {
	k := newKeeper(t)
	k.keep = 1000 * day
	k.pass(3)
	edited := k.Path() + "-20260103"
	if err := os.Rename(k.Path(), edited); err != nil {
		t.Fatal(err)
	}
	other := k.Path() + ".other"
	l := k.open(func(o *Options) { o.Path, o.Mode, o.Now = other, accesslog.Required, func() time.Time { return k.now } })
	k.Fill(l, 50) // numbers that the log itself does not have
	k.Close(l)
	k.pass(2)
	whole := k.Path() + "-20260106"
	if err := os.Rename(k.Path(), whole); err != nil {
		t.Fatal(err)
	}
	k.pass(1)
	text, err := os.ReadFile(edited)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(edited, bytes.Replace(text, []byte(`"comm":"eog"`), []byte(`"comm":"cat"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	k.keep, k.now = 10*day, k.now.Add(20*day)
	l = k.open(func(o *Options) { o.Keep, o.Now = k.keep, func() time.Time { return k.now } })
	k.Close(l)
	for _, path := range []string{edited, other} {
		if _, err := os.Stat(path); err != nil || !strings.Contains(k.Said.String(), path) {
			t.Errorf("%v; said: %s", err, k.Said.String())
		}
	}
	if _, err := os.Stat(whole); !os.IsNotExist(err) {
		t.Errorf("the log's own file: %v", err)
	}
	r := k.Verify()
	logtest.Finds(t, r, audit.Edited, 0)
	if len(r.Findings) != 1 {
		t.Errorf("%v", r.Findings)
	}
}

// TestEraseOnlyItsOwn: an erasure rewrites no file of another log beside this one.
func TestEraseOnlyItsOwn(t *testing.T) {
	w := newWorld(t)
	other := w.Path() + ".other"
	l := w.open(func(o *Options) { o.Path, o.Mode = other, accesslog.Required })
	w.Fill(l, 5)
	w.Close(l)
	before, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	l = w.open(required)
	w.Fill(l, 2)
	if n, err := l.Erase(logtest.Session(1), "asked", accesslog.Record{}); err != nil || n != 1 {
		t.Errorf("%d erased, %v", n, err)
	}
	w.Close(l)
	if after, err := os.ReadFile(other); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the other log was changed: %v", err)
	}
	w.Verifies()
}
