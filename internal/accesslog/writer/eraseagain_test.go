package writer

import (
	"bytes"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
)

// TestEraseAgain: an erasure that is killed at any moment can be finished, also when all
// that it has left is records that only mention the session.
func TestEraseAgain(t *testing.T) {
	session := logtest.Session(7)
	w := newWorld(t)
	small := func(o *Options) { o.MaxFile, o.disk.Unsafe = 900, true }
	l := w.open(required, small)
	record := func(r accesslog.Record) {
		if err := l.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	record(accesslog.Record{Operation: accesslog.OpOpen, Outcome: accesslog.Success, Session: session})
	w.Fill(l, 5)
	record(accesslog.Record{Operation: accesslog.OpWarm, Outcome: accesslog.Failed, Error: "session " + session + ": not found"})
	w.Close(l)
	before := w.State()
	erase := func(d *dying) error {
		l, err := Open(Options{Path: w.Path(), Key: w.Key, Mode: accesslog.Required, MaxFile: 900, disk: logfile.Disk{Fault: d.fault, Unsafe: true}})
		if err != nil {
			return err
		}
		_, err = l.Erase(session, "asked", accesslog.Record{})
		l.Close()
		return err
	}
	all := &dying{left: 1 << 30}
	if err := erase(all); err != nil {
		t.Fatal(err)
	}
	mentionedOnly := 0
	for left := 0; left < 1<<30-all.left; left += 7 {
		w.Restore(before, "")
		erase(&dying{left: left})
		rest := w.All(accesslog.Filter{Sessions: []string{session}, Mentioned: true})
		if len(rest) == 1 && rest[0].Session == "" {
			mentionedOnly++
		}
		if e, err := audit.ToErase(w.Path(), session); err != nil || e.Records != len(rest) || e.OfSession() != (len(rest) > 0) {
			t.Errorf("killed after %d: %d are left, to be erased %+v, %v", left, len(rest), e, err)
		}
		l := w.open(required, small)
		if n, err := l.Erase(session, "asked", accesslog.Record{}); n != len(rest) || err != nil {
			t.Errorf("killed after %d: %d erased of %d, %v", left, n, len(rest), err)
		}
		w.Close(l)
		for name, text := range w.State() {
			if bytes.Contains(text, []byte(session)) {
				t.Errorf("killed after %d: %s still names the session", left, name)
			}
		}
		if r := w.Verify(); !r.OK() || r.Erased != 2 {
			t.Errorf("killed after %d: %v, %d erased", left, r.Findings, r.Erased)
		}
		if t.Failed() {
			return
		}
	}
	if mentionedOnly == 0 {
		t.Error("no kill has left only what mentions the session")
	}
}
