package command_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestSupervisorWithoutDirectory: a mount comes back though the directory where it was
// started is gone, and its relative paths are those of that directory to the end.
func TestSupervisorWithoutDirectory(t *testing.T) {
	t.Parallel()
	w := newSupervisedWorld(t)
	w.must("unmount", w.point)
	files := t.TempDir()
	typed := filepath.Join(files, "typed")
	if err := os.Mkdir(typed, 0o700); err != nil {
		t.Fatal(err)
	}
	point, err := filepath.Rel(typed, w.point)
	if err != nil {
		t.Fatal(err)
	}
	w.program = filepath.Join(files, "program")
	w.environment = slices.DeleteFunc(w.environment, func(v string) bool { return strings.HasPrefix(v, "VERIFFS_LOG_FILE=") })
	w.environment = append(w.environment, "VERIFFS_ACCESS_LOG=../records", "VERIFFS_ACCESS_LOG_ANCHOR=syslog:\nfile:../before")
	start := w.command("mount", "--background", point, "--log-file", "../program", "--access-log-anchor=file:../after")
	start.Dir = typed
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := w.status()
	if err := os.Remove(typed); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		w.signal(s.PID, syscall.SIGKILL)
		next := w.next(s)
		if next == nil {
			t.Fatalf("the supervisor gave up after kill %d", n+1)
		}
		s = next
	}
	w.must("unmount", w.point)
	w.endsWith(s)
	w.logSays("mounting again")
	for _, name := range []string{"records", "before", "after"} {
		if info, err := os.Stat(filepath.Join(files, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestSupervisorLeavesNothing: who unmounts may remove everything at once; no log is opened
// anew to say nothing.
func TestSupervisorLeavesNothing(t *testing.T) {
	w := newSupervisedWorld(t)
	s := w.status()
	if err := os.Remove(w.program); err != nil {
		t.Fatal(err)
	}
	w.must("unmount", w.point)
	w.endsWith(s)
	if _, err := os.Lstat(w.program); !errors.Is(err, os.ErrNotExist) {
		t.Error("the log is there again:", err)
	}
}

// TestBackgroundInLinkedDirectory: .. of a directory that was entered by a symbolic link is
// in the background what it is in the foreground, the directory above the link's target.
func TestBackgroundInLinkedDirectory(t *testing.T) {
	t.Parallel()
	w := newSupervisedWorld(t)
	w.must("unmount", w.point)
	files := t.TempDir()
	link := filepath.Join(files, "link")
	if err := os.MkdirAll(filepath.Join(files, "above", "typed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("above/typed", link); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(w.environment, func(v string) bool { return strings.HasPrefix(v, "VERIFF_SHARED_SECRET=") })
	_, secret, _ := strings.Cut(w.environment[i], "=")
	w.environment = append(slices.Delete(w.environment, i, i+1), "PWD="+link)
	if err := os.WriteFile(filepath.Join(files, "above", "secret"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	start := w.command("mount", "--background", "--shared-secret-file", "../secret", w.point)
	start.Dir = link
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := w.status()
	w.must("unmount", w.point)
	w.endsWith(s)
}
