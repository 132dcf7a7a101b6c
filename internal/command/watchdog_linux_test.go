package command_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWatchStalled: a mount that nobody serves, as one whose process hangs, is not
// answered for, and who asks it can be killed.
func TestWatchStalled(t *testing.T) {
	requireFUSE(t)
	if os.Geteuid() != 0 {
		t.Skip("only root can mount without serving")
	}
	point := t.TempDir()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)
	if err := unix.Mount("veriff:stalled", point, "fuse.veriffs", 0, options); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(point, unix.MNT_DETACH)
	defer unix.Close(fd)
	w := newShellWorld(t)
	cmd := w.command("veriffs", "__watch", "10ms", point)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	within(t, "it gives up", func() { _ = cmd.Wait() })
	if cmd.ProcessState.ExitCode() != 1 || out.Len() > 0 {
		t.Errorf("%v, %q", cmd.ProcessState, &out)
	}
}

// TestWatchEnds kills a mount whose watchdog is answered: the child that asked it ends.
func TestWatchEnds(t *testing.T) {
	w := newKillWorld(t)
	name := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	w.environment = append(w.environment, "NOTIFY_SOCKET="+name, "WATCHDOG_USEC=60000")
	p := w.mount()
	within(t, "the watchdog is told", func() {
		for message := make([]byte, 1024); ; {
			n, err := manager.Read(message)
			if err != nil || string(message[:n]) == "WATCHDOG=1" {
				return
			}
		}
	})
	child := childOf(t, p.cmd.Process.Pid)
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", child))
	if err != nil || bytes.Contains(environment, []byte(w.Secrets()[0])) {
		t.Errorf("the child has the secret in its environment, or %v", err)
	}
	w.kill(p)
	within(t, "the child ends", func() {
		for running(child) {
			syscall.Nanosleep(&syscall.Timespec{Nsec: 1e7}, nil)
		}
	})
}

// childOf is the one child of a process.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var children []string
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err == nil {
			children = append(children, strings.Fields(string(text))...)
		}
	}
	if len(children) != 1 {
		t.Fatalf("the children of %d: %q", pid, children)
	}
	child, err := strconv.Atoi(children[0])
	if err != nil {
		t.Fatal(err)
	}
	return child
}
