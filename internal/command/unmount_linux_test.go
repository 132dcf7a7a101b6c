package command_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/fs/mountpoint"
)

// TestUnmountBusy takes a mount away that is in use: the command says by whom,
// and what it says comes true. What is looked at there is an error from then
// on, and never absent.
func TestUnmountBusy(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	p := w.mount()
	stands := exec.Command("sh", "-c", `cd "$0" && echo there && read line`, w.point)
	standsIn, err := stands.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	standsOut, err := stands.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stands.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { standsIn.Close(); stands.Wait() })
	if _, err := io.ReadFull(standsOut, make([]byte, len("there\n"))); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(w.point, w.paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	root, err := unix.Open(w.point, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)

	unmount := w.command("unmount", ".")
	unmount.Dir = w.point // which is no use of it
	out, err := unmount.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"in use by ", fmt.Sprintf("(process %d, open file)", os.Getpid()),
		fmt.Sprintf("sh (process %d, working directory)", stands.Process.Pid), "ENOTCONN",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "veriffs (process") {
		t.Errorf("it names itself:\n%s", out)
	}
	if slices.Contains(mountpoint.All(), w.point) {
		t.Error("still mounted")
	}
	if got, err := io.ReadAll(file); err != nil || string(got) != string(w.content[w.paths[0]]) {
		t.Errorf("what is open, for as long as it was said: %d bytes, %v", len(got), err)
	}

	within(t, "the mount's process ends, as was said", func() { <-p.ended })
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %v", p.cmd.ProcessState)
	}
	for _, name := range []string{w.paths[1], w.paths[len(w.paths)-1], "attempts/11111111-1111-4111-8111-111111111111"} {
		fd, err := unix.Openat(root, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		if !errors.Is(err, syscall.ENOTCONN) {
			t.Errorf("%s, afterwards: %v", name, err)
		}
	}
	w.terminate(w.mount()) // and nothing is in the way of the next
}

// TestUnmountDead: who uses a mount whose process was killed is said as well.
func TestUnmountDead(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	p := w.mount()
	file, err := os.Open(filepath.Join(w.point, w.paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w.kill(p)
	out, err := w.command("unmount", w.point).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("(process %d, open file)", os.Getpid())) ||
		!strings.Contains(string(out), "had ended before") || strings.Contains(string(out), "can be read") {
		t.Errorf("%v\n%s", err, out)
	}
	if slices.Contains(mountpoint.All(), w.point) {
		t.Error("still mounted")
	}
}

// TestUnmountStopped: a mount that does not answer can be taken away, and
// looking for those who use it waits for nothing.
func TestUnmountStopped(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	p := w.mount()
	file, err := os.Open(filepath.Join(w.point, w.paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var out []byte
	within(t, "the unmounting", func() { out, err = w.command("unmount", w.point).CombinedOutput() })
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("(process %d, open file)", os.Getpid())) || !strings.Contains(string(out), "does not answer") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	within(t, "the mount's process ends", func() { <-p.ended })
}

// TestUnmountOthers: another user is refused, with the reason.
func TestUnmountOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it takes two users")
	}
	w := newKillWorld(t)
	p := w.mount()
	dir, err := os.MkdirTemp("/tmp", "veriffs-user-") // where the user can go
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "veriffs")
	for _, err := range []error{os.Chmod(dir, 0o755), exec.Command("cp", w.command().Path, program).Run(), os.Chmod(program, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	unmount := exec.Command(program, "unmount", w.point)
	unmount.Dir = dir
	unmount.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := unmount.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 5 || !strings.Contains(string(out), "the mount is root's") || !strings.Contains(string(out), "hint: ") {
		t.Errorf("%v\n%s", err, out)
	}
	if !slices.Contains(mountpoint.All(), w.point) {
		t.Error("it was unmounted")
	}
	w.terminate(p)
}

// TestUnmountSuccessor ends the process of a mount that somebody has taken
// away, when another mount is in its place: that one stays.
func TestUnmountSuccessor(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	old := w.mount()
	file, err := os.Open(filepath.Join(w.point, w.paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.Unmount(w.point, unix.MNT_DETACH); err != nil {
		t.Skipf("it takes the right to unmount: %v", err)
	}
	other := w.command("mount", "--cache-dir", t.TempDir(), w.point)
	next := w.launch(other)
	if !next.wait("mounted on ") {
		t.Fatal("no mount")
	}
	if err := old.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, "the old process ends", func() { <-old.ended })
	if got, err := os.ReadFile(filepath.Join(w.point, w.paths[1])); err != nil || string(got) != string(w.content[w.paths[1]]) {
		t.Errorf("the mount in its place: %d bytes, %v", len(got), err)
	}
	w.terminate(next)
}
