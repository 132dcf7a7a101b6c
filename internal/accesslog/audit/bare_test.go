package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
)

// A file that is no log is an error, whoever looks at it, and no tampered log.
func TestNoLog(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(w.Dir, "notes.txt")
	if err := os.WriteFile(path, []byte("{\"seq\":0,\"op\":\"open\"}\nmilk\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, verified := audit.Verify(audit.Options{Path: path, Installation: w.Key})
	_, erased := audit.ToErase(path, "x")
	read := audit.Read(path, accesslog.Filter{}, func(*accesslog.Record, []byte) error { return nil })
	for what, err := range map[string]error{"verified": verified, "erased": erased, "read": read, "there": audit.Exists(path)} {
		var told *accesslog.Error
		if !errors.As(err, &told) || told.Hint == "" || !strings.Contains(err.Error(), "is no access log of veriffs") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A log that lost its tree and its checkpoint is still one if somebody remembers it.
func TestLogWithoutTreeAndCheckpoint(t *testing.T) {
	w, _ := tiny(t)
	kept := filepath.Join(w.Dir, "kept")
	text, err := os.ReadFile(w.Path() + ".checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{".tree", ".checkpoint"} {
		if err := os.Remove(w.Path() + suffix); err != nil {
			t.Fatal(err)
		}
	}
	if r := w.Verify(); r.OK() {
		t.Error("not found, though the installation remembers the log")
	}
	if err := os.RemoveAll(filepath.Join(w.Key.Dir(), "checkpoints")); err != nil {
		t.Fatal(err)
	}
	if r, err := audit.Verify(audit.Options{Path: w.Path(), Installation: w.Key}); err == nil {
		t.Errorf("nothing to compare with: %+v", r)
	}
	if r := w.Verify(kept); r.OK() {
		t.Error("not found, though a checkpoint was given")
	}
}
