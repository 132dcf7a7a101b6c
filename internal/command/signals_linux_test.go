package command_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/fs/mountpoint"
)

// terminal returns the two ends of a new terminal.
func terminal(t *testing.T) (window, line *os.File) {
	t.Helper()
	window, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { window.Close() })
	if err := unix.IoctlSetPointerInt(int(window.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(window.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	line, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return window, line
}

// TestClosedWindow closes the terminal that a mount runs in, as people do: the
// mount ends in order, although it is in use and is told twice.
func TestClosedWindow(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	window, line := terminal(t)
	log := filepath.Join(t.TempDir(), "log")
	cmd := w.command("mount", "--log-file", log, w.point)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	line.Close()
	for lines := bufio.NewScanner(window); lines.Scan() && !strings.HasPrefix(lines.Text(), "mounted on "); {
	}
	held, err := os.Open(filepath.Join(w.point, w.paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	window.Close()
	waitUntil(t, "the log says that the mount is in use", func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "was in use")
	})
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	within(t, "the mount ends", func() { _ = cmd.Wait() })
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
	if slices.Contains(mountpoint.All(), w.point) {
		t.Error("still mounted")
	}
}

// TestImpatience presses Ctrl-C several times: no dead mount stays.
func TestImpatience(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	p := w.mount()
	held, err := os.Open(filepath.Join(w.point, w.paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for range time.Tick(10 * time.Millisecond) { // a person's fingers
		if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
			break // it has ended
		}
	}
	within(t, "the mount ends", func() { <-p.ended })
	if slices.Contains(mountpoint.All(), w.point) {
		t.Error("still mounted")
	}
}

// TestNohup: a mount that was started to outlive its terminal does.
func TestNohup(t *testing.T) {
	w := newKillWorld(t)
	program := w.command("mount", w.point)
	program.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`, program.Path}, program.Args[1:]...)
	program.Path = "/bin/sh"
	p := w.launch(program)
	if !p.wait("mounted on ") {
		t.Fatal("no mount")
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(filepath.Join(w.point, w.paths[0])); err != nil {
		t.Error(err)
	}
	w.terminate(p)
}

// TestClosedPipe ends whoever reads a mount's log: the mount goes on, and ends
// in order when it has something to say.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	r, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := w.command("mount", "--log-level", "debug", w.point)
	cmd.Stderr = wr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	wr.Close()
	for lines := bufio.NewScanner(r); lines.Scan() && !strings.HasPrefix(lines.Text(), "mounted on "); {
	}
	r.Close()
	held, err := os.Open(filepath.Join(w.point, w.paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, "the mount ends", func() { _ = cmd.Wait() })
	if code := cmd.ProcessState.ExitCode(); code != 0 || slices.Contains(mountpoint.All(), w.point) {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}

// TestLogRotation moves the log of a mount in the background away and tells it
// so: it goes on in a new file.
func TestLogRotation(t *testing.T) {
	w := newKillWorld(t)
	dir := t.TempDir()
	mount := w.command("mount", "--background", "--log-level", "debug", "--log-file", "log", w.point)
	mount.Dir = dir
	if out, err := mount.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pid := w.pid()
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	log := filepath.Join(dir, "log")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the log is there again", func() bool {
		_, err := os.Stat(log)
		return !errors.Is(err, iofs.ErrNotExist)
	})
	if _, err := os.ReadFile(filepath.Join(w.point, "sessions", "nothing")); !errors.Is(err, iofs.ErrNotExist) {
		t.Error(err)
	}
	// Nothing that a log can be: the one that there is goes on.
	if err := errors.Join(os.Rename(log, log+".2"), os.Truncate(log+".2", 0), os.Mkdir(log, 0o700), syscall.Kill(pid, syscall.SIGHUP)); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the log says that it can't be opened", func() bool {
		text, err := os.ReadFile(log + ".2")
		// It was emptied, as by logrotate's copytruncate, and begins anew: there is no hole.
		return err == nil && strings.Contains(string(text), "can't reopen the log file") && !strings.Contains(string(text), "\x00")
	})
	if out, err := w.command("unmount", w.point).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLogRotationOfAService does so with a mount and a webhook receiver in the foreground
// that have no terminal. One without a log file is ended by the same signal.
func TestLogRotationOfAService(t *testing.T) {
	w := newKillWorld(t)
	log := filepath.Join(t.TempDir(), "log")
	receiver := w.command("webhook", "--listen", "127.0.0.1:0", "--sessions", log+"-sessions", "--log-file", log)
	for sign, cmd := range map[string]*exec.Cmd{"mounted on ": w.command("mount", "--log-file", log, w.point), "listening on ": receiver} {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		p := w.launch(cmd)
		if !p.wait(sign) {
			t.Fatal("it does not come up")
		}
		if err := errors.Join(os.Rename(log, log+".1"), p.cmd.Process.Signal(syscall.SIGHUP)); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the log is there again", func() bool {
			_, err := os.Stat(log)
			return err == nil
		})
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		within(t, "it ends", func() { <-p.ended })
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("it ended with %v", p.cmd.ProcessState)
		}
	}
	p := w.mount()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	within(t, "it ends", func() { <-p.ended })
}

// pid asks for the process of the world's mount.
func (w *killWorld) pid() int {
	w.t.Helper()
	out, err := w.command("status", "--json").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	var status struct{ Mounts []struct{ PID int } }
	if err := json.Unmarshal(out, &status); err != nil || len(status.Mounts) != 1 {
		w.t.Fatalf("%v\n%s", err, out)
	}
	return status.Mounts[0].PID
}

// waitUntil waits for what another process does and gives no notice of.
func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so in time: %s", what)
		}
	}
}
