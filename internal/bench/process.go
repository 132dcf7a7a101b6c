//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// startTimeout and endTimeout bound how long a child may take to be ready and
// to end when told to.
const (
	startTimeout = 30 * time.Second
	endTimeout   = 20 * time.Second
)

// child is a process that serves until it is ended.
type child struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer // read once it has ended
	done   chan struct{}
	point  string // where it mounts, if it does
}

func (c *child) start(cmd *exec.Cmd) error {
	c.cmd, c.done = cmd, make(chan struct{})
	cmd.Stderr = &c.stderr
	// A ^C is for the bench, which ends its children in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(c.done)
		_ = cmd.Wait() // how it ended is asked for in stop and in mounted
	}()
	return nil
}

// mounted waits until the child's file system is in the table of mounts.
func (c *child) mounted(ctx context.Context, point string) error {
	c.point = point
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !isMountPoint(point) {
		select {
		case <-tick.C:
		case <-c.done:
			return fmt.Errorf("%s ended: %s", c.cmd.Path, strings.TrimSpace(c.stderr.String()))
		case <-deadline.C:
			return fmt.Errorf("%s did not mount in %v", c.cmd.Path, startTimeout)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func isMountPoint(point string) bool {
	text, err := os.ReadFile("/proc/self/mountinfo")
	return err == nil && strings.Contains(string(text), " "+point+" ")
}

// stop ends the child, and whatever it leaves mounted. One that does not end
// is killed and told of: what was measured is not the worse for it.
func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-c.done:
	case <-time.After(endTimeout):
		_ = c.cmd.Process.Signal(syscall.SIGQUIT) // a Go program says where it was
		select {
		case <-c.done:
		case <-time.After(endTimeout):
			_ = c.cmd.Process.Kill()
			<-c.done
		}
		note("%s did not end in %v (is its mount in use in another mount namespace?)\n%s", c.cmd.Path, endTimeout, c.stderr.String())
	}
	if c.point != "" && isMountPoint(c.point) {
		return unix.Unmount(c.point, unix.MNT_DETACH)
	}
	return nil
}

// memory is what a process takes, in bytes.
type memory struct{ now, peak int64 }

func (c *child) memory() (m memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			m.now = n << 10
		case "VmHWM:":
			m.peak = n << 10
		}
	}
	return m, nil
}

// cpu is the processor time that a child has taken so far.
func (c *child) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The name of the command, in brackets, may hold anything.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every platform that Go knows
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}

// timed runs a command to its end and returns how long it took and the
// processor time it needed itself. What it prints is thrown away.
func timed(ctx context.Context, name string, args ...string) (elapsed, cpu time.Duration, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	if name != "cat" { // whose output would cost more than its input
		cmd.Stdout = discard{} // not /dev/null: tar and grep notice it and don't read
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	err = cmd.Run()
	elapsed = time.Since(start)
	if exit := new(exec.ExitError); errors.As(err, &exit) && filepath.Base(name) == "grep" && exit.ExitCode() == 1 {
		err = nil // it found nothing, as it should
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %.300s", name, err, stderr.String())
	}
	return elapsed, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// output returns what a command prints, without the last line's end.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(append([]string{name}, args...), " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// awaitEnd returns when whoever started this process wants it to end.
func awaitEnd(ctx context.Context) {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
	}
}
