package fs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/fs"
	"veriffs/internal/caller"
)

// start runs a program beside the test.
func (w *world) start(name string, args ...string) *exec.Cmd {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), name, args...)
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	return cmd
}

// asRoot skips what others may not do.
func asRoot(t *testing.T, programs ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
}

// TestCallerThread: the kernel tells of threads, the record tells their process.
func TestCallerThread(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small})
	path, _, _ := w.one()
	done := make(chan int)
	go func() {
		runtime.LockOSThread() // two of which one is not the first
		go func() {
			runtime.LockOSThread()
			if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
				unix.Close(fd)
			}
			done <- unix.Gettid()
		}()
		if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(fd)
		}
		done <- unix.Gettid()
	}()
	threads := map[int]bool{<-done: true, <-done: true}
	self := caller.Self()
	records := l.take()
	if len(records) != 2 || len(threads) != 2 {
		t.Fatalf("%d records of %d threads", len(records), len(threads))
	}
	for _, r := range records {
		c := r.Caller
		if !threads[int(c.TID)] || c.PID != self.PID || c.Command != self.Command || c.Start != self.Start || c.Executable != self.Executable {
			t.Errorf("%+v", c)
		}
		delete(threads, int(c.TID))
	}
}

// TestCallerThatBecomesAnother: a shell that opens a file, and then becomes cat.
func TestCallerThatBecomesAnother(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small})
	path, _, _ := w.one()
	w.mustShell(`read -r line < "$1"; exec cat "$1" >/dev/null`, path)
	records := l.take()
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	sh, cat := records[0].Caller, records[1].Caller
	if sh.PID != cat.PID || sh.Start != cat.Start || sh.Command != "sh" || cat.Command != "cat" || filepath.Base(cat.Executable) == filepath.Base(sh.Executable) {
		t.Errorf("%+v\n%+v", sh, cat)
	}
}

// TestCallerArguments: a command line is recorded if it was asked for.
func TestCallerArguments(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small, mount: func(o *fs.Options) { o.Arguments = true }})
	path, _, _ := w.one()
	w.mustShell(`exec cat "$1" >/dev/null`, path)
	if r := l.only(t); r.Caller.Arguments != "cat "+path {
		t.Errorf("%q", r.Caller.Arguments)
	}
}

// TestCallerInPIDNamespace: by the id that it has here, not by its own.
func TestCallerInPIDNamespace(t *testing.T) {
	asRoot(t, "unshare")
	w, l := recorded(t, worldConfig{sandbox: small})
	path, _, _ := w.one()
	out, err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", `cat "$0" >/dev/null; echo $$`, path).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "1" {
		t.Fatalf("%v: %s", err, out)
	}
	if c := l.only(t).Caller; c.Command != "cat" || c.PID < 10 || c.TID != c.PID || len(c.Unknown) > 0 {
		t.Errorf("%+v", c)
	}
}

// TestCallerThroughBindMount: another path to the same file is recorded the same.
func TestCallerThroughBindMount(t *testing.T) {
	asRoot(t, "unshare")
	w, l := recorded(t, worldConfig{sandbox: small})
	path, f, _ := w.one()
	other := t.TempDir()
	out, err := exec.Command("unshare", "--mount", "sh", "-c", `mount --bind "$0" "$1" && cat "$1/$2" >/dev/null`,
		filepath.Dir(path), other, filepath.Base(path)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r := l.only(t); r.Media != f.ID.String() || r.Caller.Command != "cat" || len(r.Caller.Unknown) > 0 {
		t.Errorf("%+v of %+v", r, r.Caller)
	}
}

// TestCallerOfAnotherUser: with --allow-other, by the other user's id.
func TestCallerOfAnotherUser(t *testing.T) {
	asRoot(t, "setpriv")
	w, l := recorded(t, worldConfig{sandbox: small, mount: func(o *fs.Options) { o.AllowOther, o.Umask = true, 0 }})
	path, _, _ := w.one()
	for dir := filepath.Dir(w.point); strings.HasPrefix(dir, os.Getenv("TMPDIR")); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	const nobody, group = 65534, 12345
	out, err := exec.Command("setpriv", "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(group), "--clear-groups", "cat", path).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if c := l.only(t).Caller; c.UID != nobody || c.GID != group || c.Command != "cat" || len(c.Unknown) > 0 {
		t.Errorf("%+v", c)
	}
}
