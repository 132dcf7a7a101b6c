package accesslog

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestVerifyBits: each change of a single bit in any file is found, and told from
// others: of a record, which; of the tree, that the records are right.
func TestVerifyBits(t *testing.T) {
	w, erased := small(t)
	whole := w.state()
	intact := w.verify().Intact
	for name, text := range whole {
		if strings.HasSuffix(name, "/key") || strings.HasSuffix(name, ".lock") {
			continue
		}
		for at := range text {
			for bit := range 8 {
				if (8*at+bit)%thorough != 0 {
					continue
				}
				changed := bytes.Clone(text)
				changed[at] ^= 1 << bit
				w.put(name, changed)
				r := w.verify()
				if r.OK() {
					t.Fatalf("%s: byte %d, bit %d: not found", name, at, bit)
				}
				switch {
				case strings.HasSuffix(name, ".tree"):
					if r.Intact != intact || slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == Edited || f.Kind == Removed }) {
						t.Fatalf("%s: byte %d, bit %d: blamed on the records: %v", name, at, bit, r.Findings)
					}
				case strings.HasSuffix(name, ".checkpoint"):
				case changed[at] != '\n' && text[at] != '\n':
					begin := bytes.LastIndexByte(text[:at], '\n') + 1
					n := sequenceOf(text[begin:])
					if n != erased {
						finds(t, r, Edited, n)
					}
				}
				if t.Failed() {
					t.Fatalf("%s: byte %d, bit %d", name, at, bit)
				}
			}
		}
		w.put(name, text)
	}
	w.verifies()
}

// TestVerifyTruncation: each file cut at each byte is found.
func TestVerifyTruncation(t *testing.T) {
	w, _ := small(t)
	whole := w.state()
	for name, text := range whole {
		if strings.HasSuffix(name, "/key") {
			continue
		}
		for at := range text {
			if at%thorough != 0 {
				continue
			}
			w.put(name, text[:at])
			r := w.verify()
			if r.OK() {
				t.Fatalf("%s: cut at byte %d: not found", name, at)
			}
			if i := slices.Index(whole.records(), name); i >= 0 {
				n := int64(bytes.Count(text[:at], []byte("\n")))
				first := sequenceOf(text)
				kind := Removed
				if name == "log/access.log" {
					kind = Truncated
				}
				if lines := int64(bytes.Count(text, []byte("\n"))); n < lines-1 || at > 0 && text[at-1] == '\n' {
					// The first record that is not whole is edited, or gone.
					if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.From == first+n && (f.Kind == kind || f.Kind == Edited) }) {
						t.Fatalf("%s: cut at byte %d: record %d: %v", name, at, first+n, r.Findings)
					}
				}
			}
		}
		w.put(name, text)
	}
	for name := range whole {
		if strings.HasSuffix(name, "/key") || strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "installation") {
			continue // without it the log is whole, and less is compared
		}
		without := make(state)
		for n, text := range whole {
			if n != name {
				without[n] = text
			}
		}
		w.restore(without, "log/")
		if w.verify().OK() {
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

func allLines(s state) (all []line) {
	for _, name := range s.records() {
		for text := range strings.Lines(string(s[name])) {
			all = append(all, line{name, text, sequenceOf([]byte(text))})
		}
	}
	// The current file sorts first by its name.
	slices.SortStableFunc(all, func(a, b line) int { return int(a.n - b.n) })
	return all
}

func (w *world) putLines(all []line) {
	w.t.Helper()
	texts := make(map[string]string)
	for _, name := range w.state().records() {
		texts[name] = ""
	}
	for _, l := range all {
		texts[l.name] += l.text
	}
	for name, text := range texts {
		w.put(name, []byte(text))
	}
}

// TestVerifyLines: each record that is removed, duplicated, swapped with another or
// made up is found, and named.
func TestVerifyLines(t *testing.T) {
	w, _ := small(t)
	whole := w.state()
	all := allLines(whole)
	forged := `{"seq":3,"time":"2026-11-01T12:00:00Z","monotonic_ns":1,"op":"open","outcome":"success","salt":""}` + "\n"
	for i, l := range all {
		w.putLines(append(slices.Clone(all[:i]), all[i+1:]...))
		kind := Removed
		if i == len(all)-1 {
			kind = Truncated
		}
		finds(t, w.verify(), kind, l.n)
		w.restore(whole, "log/")

		for j := i; j < len(all); j++ {
			copied := slices.Insert(slices.Clone(all), j+1, line{all[j].name, l.text, l.n})
			w.putLines(copied)
			finds(t, w.verify(), Duplicated, l.n)
			if j == i {
				continue
			}
			swapped := slices.Clone(all)
			swapped[i].text, swapped[j].text = all[j].text, l.text
			w.putLines(swapped)
			r := w.verify()
			if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == Misplaced && (f.From == l.n || f.From == all[j].n) }) {
				t.Errorf("records %d and %d swapped: %v", l.n, all[j].n, r.Findings)
			}
		}
		for _, text := range []string{forged, "\n", "garbage\n", strings.Replace(forged, ":3,", ":99999,", 1)} {
			w.putLines(slices.Insert(slices.Clone(all), i+1, line{l.name, text, 0}))
			finds(t, w.verify(), Inserted, -1)
		}
		w.restore(whole, "log/")
		if t.Failed() {
			t.Fatalf("record %d", l.n)
		}
	}
	w.verifies()
}

// TestVerifyRollback: the log's directory set back to any earlier state is found,
// because the installation remembers; all of it set back, because of a checkpoint
// that was kept elsewhere. The log can't be opened then.
func TestVerifyRollback(t *testing.T) {
	w := newWorld(t)
	kept := filepath.Join(w.dir, "kept")
	change := func(o *Options) { o.MaxFile, o.Anchors, o.disk.unsafe = 2000, []Anchor{fileAnchor(kept)}, true }
	var states []state
	for i := range 6 {
		l := w.open(change)
		w.fill(l, i)
		w.close(l)
		states = append(states, w.state())
	}
	last := states[len(states)-1]
	for i, s := range states[1 : len(states)-1] {
		w.restore(s, "log/")
		if r := w.verify(); !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == RolledBack }) {
			t.Errorf("state %d: %v", i, r.Findings)
		}
		if l, err := Open(w.options()); err == nil {
			l.Close()
			t.Errorf("state %d can be opened", i)
		}
		w.restore(s, "installation/")
		w.verifies() // nothing here remembers
		if r := w.verify(kept); !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == RolledBack }) {
			t.Errorf("state %d with a checkpoint from elsewhere: %v", i, r.Findings)
		}
		w.restore(last, "")
	}
	if r := w.verify(kept); !r.OK() || len(r.Compared) != 3 {
		t.Errorf("%+v", r)
	}
}

// TestVerifyRewritten: a log that was written anew with the installation's own key is
// found by what was kept elsewhere, and by what the installation remembers.
func TestVerifyRewritten(t *testing.T) {
	w := newWorld(t)
	kept := filepath.Join(w.dir, "kept")
	write := func(n int) {
		l := w.open(func(o *Options) { o.Anchors = []Anchor{fileAnchor(kept)} })
		w.fill(l, n)
		w.close(l)
	}
	write(3)
	true3 := w.state()
	// A copy of the log's directory goes on without its last records.
	l := w.open()
	w.fill(l, 2)
	w.close(l)
	w.restore(true3, "installation/")
	forged := w.state()
	w.restore(true3, "log/")
	write(4)
	good := w.state()

	w.restore(forged, "log/")
	r := w.verify(kept)
	finds(t, r, RolledBack, 5)
	w.restore(good, "log/")
	if r := w.verify(kept); !r.OK() {
		t.Error(r.Findings)
	}

	// All of it goes, and another begins.
	w.restore(nil, "log/")
	write(1)
	finds(t, w.verify(), Replaced, -1)
	if all := w.lines(); all[0].Operation != OpLogGap || !strings.Contains(string(all[0].Detail), "another log was here") {
		t.Errorf("%+v", all[0])
	}
}
