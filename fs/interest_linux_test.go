package fs_test

import (
	"testing"

	"veriffs/veriff/sandbox"
)

// TestNamesAlone: for a program that looks at no file the kernel makes hardly any
// inodes; one that looks at them gets all attributes.
func TestNamesAlone(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 20, Files: 20, FileSize: 1000}}})
	w.mustShell(`test "$(find sessions -type f | wc -l)" = 400`)
	w.mustShell(`test "$(find by-context -type l | wc -l)" = 400`)
	if n := w.mount.Inodes(); n > 2*20 {
		t.Errorf("the kernel knows %d files after find", n)
	}
	for _, script := range []string{
		`test "$(ls -lR sessions | grep -c '^-r--------.* 1000 ')" = 400`,
		`test "$(find sessions -type f -size 1000c | wc -l)" = 400`,
		`test "$(find -L by-context -type f -size 1000c | wc -l)" = 400`,
	} {
		w.remount()
		w.mustShell(script)
		if n := w.mount.Inodes(); n != 400 {
			t.Errorf("the kernel knows %d files after %s", n, script)
		}
	}
}
