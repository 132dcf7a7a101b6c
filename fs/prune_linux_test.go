package fs_test

import (
	"os"
	"testing"

	"veriffs/veriff/sandbox"
)

// TestForgetting: after a look at very many files the kernel lets go of them,
// and of none that was read.
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
	eventually(t, "all but the one are forgotten", func() bool { return w.mount.Inodes() == 1 })
	if n := w.requests(func() {
		if got, err := os.ReadFile(path); err != nil || string(got) != string(content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		w.mustShell(`find sessions -size +0 | wc -l`)
	}); n != 0 {
		t.Errorf("coming back cost %d requests", n)
	}
}
