package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
)

// TestLogThatIsGone: to delete all files of a log is to tamper with it, if anybody
// remembers that it was there.
func TestLogThatIsGone(t *testing.T) {
	for name, forget := range map[string]bool{"the installation remembers it": false, "an anchor has it": true} {
		t.Run(name, func(t *testing.T) {
			w, _ := tiny(t)
			text, err := os.ReadFile(w.Path() + ".checkpoint")
			if err != nil {
				t.Fatal(err)
			}
			c, err := logfile.ParseCheckpointText(string(text))
			if err != nil {
				t.Fatal(err)
			}
			kept := filepath.Join(w.Dir, "kept")
			if err := errors.Join(os.WriteFile(kept, text, 0o600), os.RemoveAll(filepath.Dir(w.Path()))); err != nil {
				t.Fatal(err)
			}
			o := audit.Options{Path: w.Path(), Installation: w.Key}
			if forget {
				o.Checkpoints, o.Key = []string{kept}, w.Key.VerifierKey(c.Origin)
				if err := os.RemoveAll(filepath.Join(w.Key.Dir(), "checkpoints")); err != nil {
					t.Fatal(err)
				}
			}
			r, err := audit.Verify(o)
			if err != nil {
				t.Fatal(err)
			}
			logtest.Finds(t, r, audit.RolledBack, 0)
			logtest.Finds(t, r, audit.Removed, -1)
		})
	}
}

// TestLogThatNeverWas is an error, also for who has checkpoints of others.
func TestLogThatNeverWas(t *testing.T) {
	other, _ := tiny(t)
	w := newWorld(t)
	for _, o := range []audit.Options{
		{Path: w.Path(), Installation: w.Key},
		{Path: w.Path(), Installation: w.Key, Checkpoints: []string{other.Path() + ".checkpoint"}},
		{Path: filepath.Join(w.Dir, "none", "access.log"), Installation: w.Key},
	} {
		r, err := audit.Verify(o)
		if told := new(accesslog.Error); !errors.As(err, &told) || told.Hint == "" || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// TestBadFileHidesNoOther: one file beside the log that is none of its files keeps
// nobody from reading the others, and is told of.
func TestBadFileHidesNoOther(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":      func(path string) error { return os.Symlink("/dev/null", path) },
		"pipe":      func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := small(t)
			want := len(w.All(accesslog.Filter{}))
			bad := logfile.Files{Base: w.Path()}.Rotated(99)
			if err := put(bad); err != nil {
				t.Fatal(err)
			}
			got := 0
			err := audit.Read(w.Path(), accesslog.Filter{}, func(*accesslog.Record, []byte) error { got++; return nil })
			if told := new(accesslog.Error); got != want || !errors.As(err, &told) || !strings.Contains(err.Error(), filepath.Base(bad)) {
				t.Errorf("%d of %d records, %v", got, want, err)
			}
			r := w.Verify()
			logtest.Finds(t, r, audit.Damaged, -1)
			if len(r.Findings) != 1 || r.Findings[0].File != bad || r.Intact+r.Erased != r.Records {
				t.Errorf("%+v", r)
			}
		})
	}
}
