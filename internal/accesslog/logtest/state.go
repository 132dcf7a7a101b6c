package logtest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
)

// State is the contents of files, by their path in a world.
type State map[string][]byte

// State reads the directories of the log and of the installation.
func (w *World) State() State {
	w.T.Helper()
	s := make(State)
	err := filepath.WalkDir(w.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(w.Dir, path)
		s[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return s
}

// Restore makes the files whose path begins with prefix those of s.
func (w *World) Restore(s State, prefix string) {
	w.T.Helper()
	for name := range w.State() {
		if _, stays := s[name]; strings.HasPrefix(name, prefix) && !stays {
			if err := os.Remove(filepath.Join(w.Dir, name)); err != nil {
				w.T.Fatal(err)
			}
		}
	}
	for name, text := range s {
		if strings.HasPrefix(name, prefix) {
			w.Put(name, text)
		}
	}
}

// Put writes a file, named as in State.
func (w *World) Put(name string, text []byte) {
	w.T.Helper()
	// Not truncated first, which costs much more.
	f, err := os.OpenFile(filepath.Join(w.Dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		w.T.Fatal(err)
	}
	defer f.Close()
	_, err = f.WriteAt(text, 0)
	if info, statErr := f.Stat(); err == nil && statErr == nil && info.Size() > int64(len(text)) {
		err = f.Truncate(int64(len(text)))
	}
	if err != nil {
		w.T.Fatal(err)
	}
}

// Records returns the names of the log's files in s that hold records.
func (s State) Records() (names []string) {
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

// VerifierKey checks what the log has signed.
func (w *World) VerifierKey() string {
	w.T.Helper()
	origin, err := audit.Origin(w.Path())
	if err != nil {
		w.T.Fatal(err)
	}
	return w.Key.VerifierKey(origin)
}

// Verify compares the log with what the installation remembers and with checkpoints
// in files.
func (w *World) Verify(checkpoints ...string) *audit.Report {
	w.T.Helper()
	r, err := audit.Verify(audit.Options{Path: w.Path(), Installation: w.Key, Checkpoints: checkpoints})
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// Verifies wants the log to be whole.
func (w *World) Verifies() *audit.Report {
	w.T.Helper()
	r := w.Verify()
	if !r.OK() {
		w.T.Errorf("findings: %v\nnotes: %q", r.Findings, r.Notes)
	}
	return r
}

// Finds wants a finding of a kind about a record.
func Finds(t testing.TB, r *audit.Report, kind audit.Kind, from int64) {
	t.Helper()
	if !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Kind == kind && f.From == from }) {
		t.Errorf("not found: record %d %s; found: %v", from, kind, r.Findings)
	}
}

// Lines returns the records in the current file.
func (w *World) Lines() []accesslog.Record {
	w.T.Helper()
	text, err := os.ReadFile(w.Path())
	if err != nil {
		w.T.Fatal(err)
	}
	var all []accesslog.Record
	for line := range strings.Lines(string(text)) {
		r, err := logfile.ParseRecord([]byte(line))
		if err != nil {
			w.T.Fatalf("%v: %q", err, line)
		}
		all = append(all, r)
	}
	return all
}

// All returns every record of the log.
func (w *World) All(f accesslog.Filter) (all []accesslog.Record) {
	w.T.Helper()
	err := audit.Read(w.Path(), f, func(r *accesslog.Record, _ []byte) error { all = append(all, *r); return nil })
	if err != nil {
		w.T.Fatal(err)
	}
	return all
}
