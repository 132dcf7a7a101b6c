package audit_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
	"veriffs/internal/accesslog/writer"
)

// TestVerifyBits: each change of a single bit in any file of a tiny log is found, and
// told from others: of a record, which; of the tree, that the records are right. Of a
// log of several files, each 13th bit.
func TestVerifyBits(t *testing.T) {
	t.Run("tiny", func(t *testing.T) { verifyBits(t, tiny, 1) })
	t.Run("small", func(t *testing.T) { verifyBits(t, small, 13) })
}

// TestSoakVerifyBits does the same with each bit of the larger log.
func TestSoakVerifyBits(t *testing.T) {
	logtest.Soak(t)
	verifyBits(t, small, 1)
}

func verifyBits(t *testing.T, build func(testing.TB) (*world, int64), step int) {
	w, erased := build(t)
	whole := w.State()
	intact := w.Verify().Intact
	for name, text := range whole {
		if strings.HasSuffix(name, "/key") || strings.HasSuffix(name, ".lock") {
			continue
		}
		for at := range text {
			for bit := range 8 {
				if (8*at+bit)%step != 0 {
					continue
				}
				changed := bytes.Clone(text)
				changed[at] ^= 1 << bit
				w.Put(name, changed)
				r := w.Verify()
				if r.OK() {
					t.Fatalf("%s: byte %d, bit %d: not found", name, at, bit)
				}
				switch {
				case strings.HasSuffix(name, ".tree"):
					if r.Intact != intact || slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Kind == audit.Edited || f.Kind == audit.Removed }) {
						t.Fatalf("%s: byte %d, bit %d: blamed on the records: %v", name, at, bit, r.Findings)
					}
				case strings.HasSuffix(name, ".checkpoint"):
				case changed[at] != '\n' && text[at] != '\n':
					begin := bytes.LastIndexByte(text[:at], '\n') + 1
					n := logfile.SequenceOf(text[begin:])
					if n != erased {
						logtest.Finds(t, r, audit.Edited, n)
					}
				}
				if t.Failed() {
					t.Fatalf("%s: byte %d, bit %d", name, at, bit)
				}
			}
		}
		w.Put(name, text)
	}
	w.Verifies()
}

// TestVerifyTruncation: each file cut at each byte is found.
func TestVerifyTruncation(t *testing.T) {
	t.Run("tiny", func(t *testing.T) { verifyTruncation(t, tiny, 1) })
	t.Run("small", func(t *testing.T) { verifyTruncation(t, small, 13) })
}

// TestSoakVerifyTruncation does the same with each byte of the larger log.
func TestSoakVerifyTruncation(t *testing.T) {
	logtest.Soak(t)
	verifyTruncation(t, small, 1)
}

func verifyTruncation(t *testing.T, build func(testing.TB) (*world, int64), step int) {
	w, _ := build(t)
	whole := w.State()
	for name, text := range whole {
		if strings.HasSuffix(name, "/key") {
			continue
		}
		for at := range text {
			if at%step != 0 {
				continue
			}
			w.Put(name, text[:at])
			r := w.Verify()
			if r.OK() {
				t.Fatalf("%s: cut at byte %d: not found", name, at)
			}
			if i := slices.Index(whole.Records(), name); i >= 0 {
				n := int64(bytes.Count(text[:at], []byte("\n")))
				first := logfile.SequenceOf(text)
				kind := audit.Removed
				if name == "log/access.log" {
					kind = audit.Truncated
				}
				if lines := int64(bytes.Count(text, []byte("\n"))); n < lines-1 || at > 0 && text[at-1] == '\n' {
					// The first record that is not whole is edited, or gone.
					if !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.From == first+n && (f.Kind == kind || f.Kind == audit.Edited) }) {
						t.Fatalf("%s: cut at byte %d: record %d: %v", name, at, first+n, r.Findings)
					}
				}
			}
		}
		w.Put(name, text)
	}
	for name := range whole {
		if strings.HasSuffix(name, "/key") || strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "installation") {
			continue // without it the log is whole, and less is compared
		}
		without := make(logtest.State)
		for n, text := range whole {
			if n != name {
				without[n] = text
			}
		}
		w.Restore(without, "log/")
		if w.Verify().OK() {
			t.Errorf("%s is missing: not found", name)
		}
	}
}

// line is a line of the log, and where it is.
type line struct {
	name string
	text string
	n    int64
}

func allLines(s logtest.State) (all []line) {
	for _, name := range s.Records() {
		for text := range strings.Lines(string(s[name])) {
			all = append(all, line{name, text, logfile.SequenceOf([]byte(text))})
		}
	}
	// The current file sorts first by its name.
	slices.SortStableFunc(all, func(a, b line) int { return int(a.n - b.n) })
	return all
}

func (w *world) putLines(all []line) {
	w.T.Helper()
	texts := make(map[string]string)
	for _, name := range w.State().Records() {
		texts[name] = ""
	}
	for _, l := range all {
		texts[l.name] += l.text
	}
	for name, text := range texts {
		w.Put(name, []byte(text))
	}
}

// TestVerifyLines: each record that is removed, duplicated, swapped with another or
// made up is found, and named.
func TestVerifyLines(t *testing.T) {
	w, _ := small(t)
	whole := w.State()
	all := allLines(whole)
	forged := `{"seq":3,"time":"2026-11-01T12:00:00Z","monotonic_ns":1,"op":"open","outcome":"success","salt":""}` + "\n"
	for i, l := range all {
		w.putLines(append(slices.Clone(all[:i]), all[i+1:]...))
		kind := audit.Removed
		if i == len(all)-1 {
			kind = audit.Truncated
		}
		logtest.Finds(t, w.Verify(), kind, l.n)
		w.Restore(whole, "log/")

		for j := i; j < len(all); j++ {
			copied := slices.Insert(slices.Clone(all), j+1, line{all[j].name, l.text, l.n})
			w.putLines(copied)
			logtest.Finds(t, w.Verify(), audit.Duplicated, l.n)
			if j == i {
				continue
			}
			swapped := slices.Clone(all)
			swapped[i].text, swapped[j].text = all[j].text, l.text
			w.putLines(swapped)
			r := w.Verify()
			if !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Kind == audit.Misplaced && (f.From == l.n || f.From == all[j].n) }) {
				t.Errorf("records %d and %d swapped: %v", l.n, all[j].n, r.Findings)
			}
		}
		for _, text := range []string{forged, "\n", "garbage\n", strings.Replace(forged, ":3,", ":99999,", 1)} {
			w.putLines(slices.Insert(slices.Clone(all), i+1, line{l.name, text, 0}))
			logtest.Finds(t, w.Verify(), audit.Inserted, -1)
		}
		w.Restore(whole, "log/")
		if t.Failed() {
			t.Fatalf("record %d", l.n)
		}
	}
	w.Verifies()
}

// TestVerifyRollback: the log's directory set back to any earlier state is found,
// because the installation remembers; all of it set back, because of a checkpoint
// that was kept elsewhere. The log can't be opened then.
func TestVerifyRollback(t *testing.T) {
	w := newWorld(t)
	kept := filepath.Join(w.Dir, "kept")
	change := func(o *writer.Options) {
		o.MaxFile, o.Anchors = 2000, []anchor.Anchor{w.ToFile(kept)}
	}
	var states []logtest.State
	for i := range 6 {
		l := w.open(change)
		w.Fill(l, i)
		w.Close(l)
		states = append(states, w.State())
	}
	last := states[len(states)-1]
	for i, s := range states[1 : len(states)-1] {
		w.Restore(s, "log/")
		if r := w.Verify(); !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Kind == audit.RolledBack }) {
			t.Errorf("state %d: %v", i, r.Findings)
		}
		if l, err := writer.Open(w.options()); err == nil {
			l.Close()
			t.Errorf("state %d can be opened", i)
		}
		w.Restore(s, "installation/")
		w.Verifies() // nothing here remembers
		if r := w.Verify(kept); !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Kind == audit.RolledBack }) {
			t.Errorf("state %d with a checkpoint from elsewhere: %v", i, r.Findings)
		}
		w.Restore(last, "")
	}
	if r := w.Verify(kept); !r.OK() || len(r.Compared) != 3 {
		t.Errorf("%+v", r)
	}
}

// TestVerifyRewritten: a log that was written anew with the installation's own key is
// found by what was kept elsewhere, and by what the installation remembers.
func TestVerifyRewritten(t *testing.T) {
	w := newWorld(t)
	kept := filepath.Join(w.Dir, "kept")
	write := func(n int) {
		l := w.open(func(o *writer.Options) { o.Anchors = []anchor.Anchor{w.ToFile(kept)} })
		w.Fill(l, n)
		w.Close(l)
	}
	write(3)
	true3 := w.State()
	// A copy of the log's directory goes on without its last records.
	l := w.open()
	w.Fill(l, 2)
	w.Close(l)
	w.Restore(true3, "installation/")
	forged := w.State()
	w.Restore(true3, "log/")
	write(4)
	good := w.State()

	w.Restore(forged, "log/")
	r := w.Verify(kept)
	logtest.Finds(t, r, audit.RolledBack, 5)
	w.Restore(good, "log/")
	if r := w.Verify(kept); !r.OK() {
		t.Error(r.Findings)
	}

	// All of it goes, and another begins.
	w.Restore(nil, "log/")
	write(1)
	logtest.Finds(t, w.Verify(), audit.Replaced, -1)
	if all := w.Lines(); all[0].Operation != accesslog.OpLogGap || !strings.Contains(string(all[0].Detail), "another log was here") {
		t.Errorf("%+v", all[0])
	}
}
