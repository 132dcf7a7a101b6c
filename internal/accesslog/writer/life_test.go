package writer

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
)

func count(all []accesslog.Record, op accesslog.Operation) (n int) {
	for _, r := range all {
		if r.Operation == op {
			n++
		}
	}
	return n
}

// TestOpenedBesideAMount: who opens the log right after a mount's record, which is not
// signed yet, waits for its checkpoint and finds nothing wrong.
func TestOpenedBesideAMount(t *testing.T) {
	w := newWorld(t)
	mount := w.open()
	if err := mount.Mounted(accesslog.Record{Mountpoint: "/m"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		before := len(w.Lines())
		w.Fill(mount, 1)
		for len(w.Lines()) == before { // it is written soon, and signed within a second
			time.Sleep(time.Millisecond)
		}
		w.Close(w.open())
	}
	w.Close(mount)
	if gaps := w.All(accesslog.Filter{Operations: []accesslog.Operation{accesslog.OpLogGap}}); len(gaps) != 0 {
		t.Errorf("gaps: %+v", gaps)
	}
}

// TestMounts: a mount is up from its record to the next one about it, over files
// that were rotated and moved away; one whose process is gone gets a record.
func TestMounts(t *testing.T) {
	w := newWorld(t)
	small := func(o *Options) { o.MaxFile, o.Common.Mountpoint = 2000, "/m" }
	l := w.open(small)
	if err := l.Mounted(accesslog.Record{Detail: json.RawMessage(`{"verify":"require"}`)}); err != nil {
		t.Fatal(err)
	}
	w.Fill(l, 10)
	second := w.open(small, func(o *Options) { o.Common.Mountpoint = "/second" })
	if err := second.Mounted(accesslog.Record{}); err != nil {
		t.Fatal(err)
	}
	if err := second.Unmounted(accesslog.Record{}); err != nil {
		t.Fatal(err)
	}
	w.Close(second)
	w.Close(l) // without Unmounted
	if n := count(w.All(accesslog.Filter{}), accesslog.OpUnclean); n != 0 {
		t.Errorf("%d unclean ends while the process runs", n)
	}

	// The process was another: by its number, or by the boot.
	for name, change := range map[string][2]string{
		"start": {`"start":`, `"start":9`},
		"boot":  {`"boot":"` + bootID(), `"boot":"another`},
	} {
		t.Run(name, func(t *testing.T) {
			other := newWorld(t)
			l := other.open(small)
			l.store.mounts.forget()
			var m accesslog.Mount
			for _, r := range w.All(accesslog.Filter{Operations: []accesslog.Operation{accesslog.OpMount}}) {
				if r.Mountpoint == "/m" {
					var d accesslog.MountDetail
					text := strings.Replace(string(r.Detail), change[0], change[1], 1)
					if err := json.Unmarshal([]byte(text), &d); err != nil {
						t.Fatal(err)
					}
					m = *d.Mount
				}
			}
			if err := l.Record(t.Context(), accesslog.Record{Operation: accesslog.OpMount, Outcome: accesslog.Success, Detail: accesslog.Detail(accesslog.MountDetail{Mount: &m})}); err != nil {
				t.Fatal(err)
			}
			other.Fill(l, 10)
			other.Close(l)
			if err := os.Rename(other.Path(), other.Path()+".1"); err != nil { // as logrotate does
				t.Fatal(err)
			}
			l = other.open(small)
			if err := l.Mounted(accesslog.Record{}); err != nil {
				t.Fatal(err)
			}
			other.Close(l)
			other.Verifies()
			all := other.All(accesslog.Filter{Operations: []accesslog.Operation{accesslog.OpUnclean}})
			if len(all) != 1 || all[0].Mountpoint != "/m" {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestHeartbeat: a mount says each hour that it is up.
func TestHeartbeat(t *testing.T) {
	w := newWorld(t)
	l := w.open(required, func(o *Options) { o.Now = logtest.Clock(30 * time.Minute) })
	if err := l.Mounted(accesslog.Record{}); err != nil {
		t.Fatal(err)
	}
	w.Fill(l, 6)
	if err := l.Unmounted(accesslog.Record{}); err != nil {
		t.Fatal(err)
	}
	w.Close(l)
	all := w.All(accesslog.Filter{})
	if n := count(all, accesslog.OpHeartbeat); n < 1 || all[len(all)-1].Operation != accesslog.OpUnmount {
		t.Errorf("%d heartbeats, last %s", n, all[len(all)-1].Operation)
	}
	w.Verifies()
}

// TestMoved: a file that was moved away by somebody else while the log is written is
// gone on from, and verified where it is.
func TestMoved(t *testing.T) {
	w := newWorld(t)
	l := w.open(required)
	w.Fill(l, 3)
	if err := os.Rename(w.Path(), w.Path()+"-20261127"); err != nil {
		t.Fatal(err)
	}
	w.Fill(l, 3)
	w.Close(l)
	r := w.Verifies()
	if r.Records != 7 || w.Lines()[0].Operation != accesslog.OpLogRotate {
		t.Errorf("%+v", r)
	}
	// Moved elsewhere, its records are missing, and the log goes on all the same.
	if err := os.Rename(w.Path()+"-20261127", filepath.Join(w.Dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	l = w.open()
	w.Fill(l, 1)
	w.Close(l)
	logtest.Finds(t, w.Verify(), audit.Removed, 0)
}

// TestErase: erased records are gone from every file, the log still verifies, and
// proofs of others, made before or after, still hold.
func TestErase(t *testing.T) {
	w := newWorld(t)
	l := w.open(required, func(o *Options) { o.MaxFile = 3000 })
	w.Fill(l, 12)
	w.Fill(l, 12)
	l.Record(t.Context(), accesslog.Record{Operation: accesslog.OpExport, Outcome: accesslog.Success, Detail: json.RawMessage(`{"sessions":["` + logtest.Session(5) + `","` + logtest.Session(6) + `"]}`)})
	before, err := l.Prove(accesslog.Filter{Sessions: []string{logtest.Session(6)}})
	if err != nil {
		t.Fatal(err)
	}
	salts := make(map[string]bool)
	for _, r := range w.All(accesslog.Filter{Sessions: []string{logtest.Session(5)}, Mentioned: true}) {
		salts[r.Salt] = true
	}
	n, err := l.Erase(logtest.Session(5), "asked by "+strings.ToUpper(logtest.Session(5)), accesslog.Record{Caller: &accesslog.Caller{UID: 7}})
	if n != 3 || err != nil {
		t.Fatal(n, err)
	}
	w.Fill(l, 1) // it is still the log that is written to
	after, err := l.Prove(accesslog.Filter{Sessions: []string{logtest.Session(6)}})
	if err != nil || len(after.Entries) != 2 {
		t.Fatal(after, err)
	}
	w.Close(l)
	if r := w.Verifies(); r.Erased != 3 {
		t.Errorf("%+v", r)
	}
	for _, p := range []*audit.Proof{before, after} {
		if _, err := p.Verify(w.VerifierKey()); err != nil {
			t.Error(err)
		}
	}
	for name, text := range w.State() {
		if bytes.Contains(text, []byte(logtest.Session(5))) {
			t.Errorf("%s still has the session", name)
		}
		for salt := range salts {
			if bytes.Contains(text, []byte(salt)) {
				t.Errorf("%s still has a salt", name)
			}
		}
	}
	erasures := w.All(accesslog.Filter{Operations: []accesslog.Operation{accesslog.OpLogErase}})
	if len(erasures) != 1 || erasures[0].Caller.UID != 7 || len(accesslog.ErasedSequences(&erasures[0])) != 3 {
		t.Errorf("%+v", erasures)
	}
	checkNoNew(t, w)

	// A stub that nobody signed for is found.
	path := w.State().Records()[0]
	text := w.State()[path]
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	by := int64(erasures[0].Sequence)
	for _, by := range []int64{by, by + 1, 0} {
		w.Put(path, slices.Concat(logfile.Stub(logfile.SequenceOf(line), by), []byte("\n"), rest))
		logtest.Finds(t, w.Verify(), audit.Erasure, logfile.SequenceOf(line))
	}
}

// TestRetire: files whose records are all past their time go, and the log and proofs
// still verify; each file that goes otherwise is found.
func TestRetire(t *testing.T) {
	w := newWorld(t)
	day := 24 * time.Hour
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	open := func() *Log {
		return w.open(required, func(o *Options) {
			o.MaxFile, o.Keep = 1500, 10*day
			o.Now = func() time.Time { return now }
		})
	}
	var proof *audit.Proof
	for range 30 {
		l := open()
		w.Fill(l, 2)
		var err error
		if proof == nil {
			if proof, err = l.Prove(accesslog.Filter{Sessions: []string{logtest.Session(1)}}); err != nil {
				t.Fatal(err)
			}
		}
		w.Close(l)
		w.Verifies()
		now = now.Add(day)
	}
	r := w.Verifies()
	if r.Retired < 20 || count(w.All(accesslog.Filter{}), accesslog.OpLogRetire) == 0 {
		t.Errorf("%+v", r)
	}
	for _, r := range w.All(accesslog.Filter{}) {
		if age := now.Sub(r.Time); age > 13*day {
			t.Errorf("record %d is %v old", r.Sequence, age)
		}
	}
	if c, err := proof.Verify(w.Key.VerifierKey(r.Origin)); err != nil || c.Size == 0 {
		t.Error(err)
	}
	whole := w.State()
	for _, name := range whole.Records() {
		if err := os.Remove(filepath.Join(w.Dir, name)); err != nil {
			t.Fatal(err)
		}
		if w.Verify().OK() {
			t.Errorf("%s is missing: not found", name)
		}
		w.Restore(whole, "")
	}
}

// TestFilesArePrivate: what the log and the installation write is for its owner only,
// and no link is followed.
func TestFilesArePrivate(t *testing.T) {
	w := newWorld(t)
	l := w.open(func(o *Options) { o.MaxFile = 2000 })
	w.Fill(l, 10)
	w.Close(l)
	for name := range w.State() {
		info, err := os.Stat(filepath.Join(w.Dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	for _, suffix := range []string{"", ".tree", ".checkpoint", ".lock", ".checkpoint.new"} {
		w := newWorld(t)
		victim := filepath.Join(w.Dir, "victim")
		if err := os.WriteFile(victim, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(victim, w.Path()+suffix); err != nil {
			t.Fatal(err)
		}
		if l, err := Open(w.options()); err == nil {
			w.Fill(l, 1)
			l.Close()
		}
		if text, err := os.ReadFile(victim); err != nil || len(text) > 0 {
			t.Errorf("%s: followed: %q %v", suffix, text, err)
		}
	}
}

// TestEraseOthersIDs: what has the same form as a session's id, and is that of a boot,
// an attempt or a file, erases nothing; and records about the log itself stay.
func TestEraseOthersIDs(t *testing.T) {
	w := newWorld(t)
	l := w.open(required)
	if err := l.Mounted(accesslog.Record{Detail: json.RawMessage(`{"session":"` + logtest.Session(0) + `"}`)}); err != nil {
		t.Fatal(err)
	}
	r := logtest.Opened(0)
	r.Attempt, r.Media, r.Error = logtest.Session(7), logtest.Session(8), logtest.Session(9)+" is missing"
	if err := l.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{bootID(), r.Attempt, r.Media, logtest.Session(9)} {
		if n, err := l.Erase(id, "asked", accesslog.Record{}); n != 0 || err != nil {
			t.Errorf("%s: %d erased, %v", id, n, err)
		}
	}
	if n, err := l.Erase(logtest.Session(0), "asked", accesslog.Record{}); n != 1 || err != nil {
		t.Errorf("%d erased, %v", n, err)
	}
	w.Close(l)
	w.Verifies()
	if all := w.All(accesslog.Filter{}); len(all) != 2 || all[0].Operation != accesslog.OpMount {
		t.Errorf("%+v", all)
	}
}
