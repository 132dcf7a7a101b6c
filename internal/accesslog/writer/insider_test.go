package writer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
)

// TestInsider: what somebody does to the files is still found after the next mount
// has gone on with them, and nothing of it is thrown away.
func TestInsider(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func(w *world, current string)
		kind   audit.Kind // found then, and after the log was opened again; "" is nothing
		says   string     // a record of the next one
		refuse bool       // it can't be opened
	}{
		{"cut", func(w *world, text string) { w.Put("log/access.log", []byte(text[:strings.Index(text, "\n")+1])) }, audit.Truncated, "are gone from the end", false},
		{"emptied", func(w *world, _ string) { w.Put("log/access.log", nil) }, audit.Truncated, "", false},
		{"removed", func(w *world, _ string) { os.Remove(w.Path()) }, audit.Truncated, "", false},
		{"tree removed", func(w *world, _ string) { os.Remove(w.Path() + ".tree") }, "", "computed again", false},
		{"checkpoint removed", func(w *world, _ string) { os.Remove(w.Path() + ".checkpoint") }, audit.Damaged, "", true},
		{"forged tail", func(w *world, text string) {
			w.Put("log/access.log", fmt.Appendf([]byte(text), `{"seq":%d,"time":"2026-11-01T12:00:00Z","op":"open"}`+"\n", w.Verify().Records))
		}, "", "taken up unchecked", false},
		{"garbage", func(w *world, text string) { w.Put("log/access.log", []byte(text+"garbage\n")) }, audit.Inserted, "no records follow", false},
		{"long line", func(w *world, text string) {
			w.Put("log/access.log", []byte(text+strings.Repeat("x", 3*logfile.MaxLine)+"\n"))
		}, audit.Inserted, "no records follow", false},
		{"zeroed", func(w *world, text string) { w.Put("log/access.log", append(make([]byte, 100), text[100:]...)) }, audit.Edited, "no records follow", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			l := w.open(required, func(o *Options) { o.MaxFile = 2500 })
			w.Fill(l, 8)
			for strings.Count(string(w.State()["log/access.log"]), "\n") != 3 {
				w.Fill(l, 1)
			}
			w.Close(l)
			current := string(w.State()["log/access.log"])
			c.do(w, current)
			left := len(w.State().Records())
			r := w.Verify()
			if c.kind != "" && c.name != "checkpoint removed" {
				found := false
				for _, f := range r.Findings {
					found = found || f.Kind == c.kind
				}
				if !found {
					t.Errorf("%v", r.Findings)
				}
			}
			l, err := Open(w.options())
			if c.refuse != (err != nil) {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			w.Fill(l, 1)
			w.Close(l)
			if r := w.Verify(); r.OK() != (c.kind == "") {
				t.Errorf("opened again: %v", r.Findings)
			}
			said := false
			for _, r := range w.All(accesslog.Filter{Operations: []accesslog.Operation{accesslog.OpLogGap}}) {
				said = said || strings.Contains(string(r.Detail), c.says)
			}
			if c.says != "" && !said {
				t.Errorf("no record says %q", c.says)
			}
			if len(w.State().Records()) < left {
				t.Error("a file was thrown away")
			}
		})
	}
}

// TestLockRemoved: two processes still take turns when somebody removes the lock.
func TestLockRemoved(t *testing.T) {
	w := newWorld(t)
	first := w.open(required)
	w.Fill(first, 1)
	if err := os.Remove(w.Path() + ".lock"); err != nil {
		t.Fatal(err)
	}
	second := w.open(required)
	for range 3 {
		w.Fill(second, 2)
		w.Fill(first, 2)
	}
	w.Close(first)
	w.Close(second)
	w.Verifies()
}

// TestRolledBackInUse: a log that is set back while a process writes it is refused by
// that process.
func TestRolledBackInUse(t *testing.T) {
	w := newWorld(t)
	l := w.open(required)
	w.Fill(l, 2)
	w.Close(l)
	old := w.State()
	l = w.open(required)
	w.Fill(l, 3)
	if err := os.RemoveAll(filepath.Join(w.Dir, "log")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.Dir, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.Restore(old, "log/")
	if err := l.Record(t.Context(), logtest.Opened(1)); err == nil {
		t.Error("acknowledged")
	}
	if err := l.Close(); err == nil {
		t.Error("closed in order")
	}
}
