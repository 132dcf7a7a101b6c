package fs_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/veriff/sandbox"
)

// TestForgetting: after a look at very many files the kernel lets go of them,
// and of none that was read. A file handle of what is forgotten is stale.
func TestForgetting(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 20, Files: 50, FileSize: 1000}}, inodes: 100})
	path, _, content := w.one()
	if _, err := os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	w.mustShell(`find sessions -size +0 | wc -l`)
	if n := w.mount.Inodes(); n != 1000 {
		t.Errorf("the kernel holds %d files after looking at 1000", n)
	}
	other := w.handle("sessions", w.Sessions()[1].ID.String(), fileName(w.Sessions()[1].Attempts[0].Media[0]))
	eventually(t, "all but the one are forgotten", func() bool { return w.mount.Inodes() == 1 })
	if os.Getuid() == 0 { // who alone may open by a handle
		if err := w.byHandle(other); !errors.Is(err, unix.ESTALE) {
			t.Errorf("the handle of what is forgotten: %v", err)
		}
	}
	if n := w.requests(func() {
		if got, err := os.ReadFile(path); err != nil || string(got) != string(content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		w.mustShell(`find sessions -size +0 | wc -l`)
	}); n != 0 {
		t.Errorf("coming back cost %d requests", n)
	}
}
