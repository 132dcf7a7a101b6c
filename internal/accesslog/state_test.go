package accesslog

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// state is the contents of files, by their path in a world.
type state map[string][]byte

// state reads the directories of the log and of the installation.
func (w *world) state() state {
	w.t.Helper()
	s := make(state)
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(w.dir, path)
		s[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// restore makes the files whose path begins with prefix those of s.
func (w *world) restore(s state, prefix string) {
	w.t.Helper()
	for name := range w.state() {
		if _, stays := s[name]; strings.HasPrefix(name, prefix) && !stays {
			if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	for name, text := range s {
		if strings.HasPrefix(name, prefix) {
			w.put(name, text)
		}
	}
}

func (w *world) put(name string, text []byte) {
	w.t.Helper()
	// Not truncated first, which costs much more.
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	_, err = f.WriteAt(text, 0)
	if info, statErr := f.Stat(); err == nil && statErr == nil && info.Size() > int64(len(text)) {
		err = f.Truncate(int64(len(text)))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// names returns the names of the log's files in s that hold records.
func (s state) records() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		switch filepath.Ext(name) {
		case ".tree", ".checkpoint", ".lock", ".new":
		default:
			if strings.HasPrefix(name, "log/") {
				names = append(names, name)
			}
		}
	}
	return names
}

func (w *world) verify(checkpoints ...string) *Report {
	w.t.Helper()
	r, err := Verify(VerifyOptions{Path: w.path(), Installation: w.key, Checkpoints: checkpoints})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// verifies wants the log to be whole.
func (w *world) verifies() *Report {
	w.t.Helper()
	r := w.verify()
	if !r.OK() {
		w.t.Errorf("findings: %v\nnotes: %q", r.Findings, r.Notes)
	}
	return r
}

// finds wants a finding of a kind about a record.
func finds(t testing.TB, r *Report, kind Kind, from int64) {
	t.Helper()
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == kind && f.From == from }) {
		t.Errorf("not found: record %d %s; found: %v", from, kind, r.Findings)
	}
}

// small makes a closed log of a few files, with an erased record.
func small(t testing.TB) (w *world, erased int64) {
	t.Helper()
	w = newWorld(t)
	l := w.open(func(o *Options) {
		o.Mode = Required
		o.MaxFile = 700
		o.Common = Record{}
		o.disk.unsafe = true
	})
	for i := range 4 {
		if err := l.Record(Record{Operation: OpOpen, Outcome: Success, Session: session(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := l.Erase(session(2), "asked", Record{}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.close(l)
	r := w.verifies()
	if r.Erased != 1 || r.Records != r.Signed || len(w.state().records()) < 3 {
		t.Fatalf("%+v", r)
	}
	for name, text := range w.state() {
		if i := strings.Index(string(text), `,"erased_by":`); i >= 0 {
			begin := strings.LastIndex(string(text[:i]), "\n") + 1
			return w, sequenceOf(text[begin:])
		} else if strings.Contains(string(text), session(2)) {
			t.Errorf("%s still names the session", name)
		}
	}
	t.Fatal("no record was erased")
	return nil, 0
}

// clock is a time that passes by a step whenever it is asked for.
func clock(step time.Duration) func() time.Time {
	var steps atomic.Int64
	return func() time.Time {
		return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(steps.Add(1)) * step)
	}
}
