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

const (
	startTimeout = 30 * time.Second // for a child to be ready
	endTimeout   = 20 * time.Second // for a child to end
)

// child is a process that serves until it is stopped.
type child struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer // complete once done is closed
	done   chan struct{}
	point  string // where it mounts, if it does
}

func (c *child) start(cmd *exec.Cmd) {
	c.cmd, c.done = cmd, make(chan struct{})
	cmd.Stderr = &c.stderr
	// Ctrl-C is for the bench, which ends its children in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	check(cmd.Start())
	go func() {
		defer close(c.done)
		_ = cmd.Wait() // stop and awaitMount tell how it ended
	}()
}

// self starts this program in one of its roles. It ends when its standard input
// does.
func (c *child) self(role ...string) (stdin io.Writer, stdout io.Reader) {
	cmd := exec.Command(must(os.Executable()), role...)
	in, out := must(cmd.StdinPipe()), must(cmd.StdoutPipe())
	c.start(cmd)
	return in, out
}

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// awaitMount returns once the child has mounted.
func (c *child) awaitMount(ctx context.Context, point string) {
	c.point = point
	for deadline := time.Now().Add(startTimeout); !isMountPoint(point); time.Sleep(2 * time.Millisecond) {
		err := ctx.Err()
		if c.ended() {
			err = fmt.Errorf("%s ended: %s", c.cmd.Path, strings.TrimSpace(c.stderr.String()))
		} else if time.Now().After(deadline) {
			err = fmt.Errorf("%s did not mount within %v", c.cmd.Path, startTimeout)
		}
		if err != nil {
			c.stop()
			check(err)
		}
	}
}

func isMountPoint(point string) bool { return deviceOf(point) != "" }

// deviceOf returns the device number of what is mounted on a point.
func deviceOf(point string) string {
	for line := range strings.Lines(string(must(os.ReadFile("/proc/self/mountinfo")))) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == point {
			return fields[2]
		}
	}
	return ""
}

// stop ends the child and unmounts what it leaves mounted. A child that hangs
// is killed and reported, but what was measured stands.
func (c *child) stop() {
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGQUIT, os.Kill} { // at SIGQUIT, a Go program prints its stacks
		_ = c.cmd.Process.Signal(sig) // it may have ended already
		select {
		case <-c.done:
			if sig != syscall.SIGTERM {
				note("%s did not end within %v (is its mount in use in another mount namespace?)\n%s", c.cmd.Path, endTimeout, c.stderr.String())
			}
			if c.point != "" && isMountPoint(c.point) {
				check(unix.Unmount(c.point, unix.MNT_DETACH))
			}
			return
		case <-time.After(endTimeout):
		}
	}
}

// end stops a child that mounts, and removes the directory of its mount point.
func (c *child) end() {
	c.stop()
	check(os.RemoveAll(filepath.Dir(c.point)))
}

// memory returns the memory of the child, now and at most, in bytes.
func (c *child) memory() (now, peak int64) {
	file := fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid)
	kib := func(name string) int64 {
		return must(strconv.ParseInt(strings.TrimSuffix(field(file, name), " kB"), 10, 64))
	}
	return kib("VmRSS") << 10, kib("VmHWM") << 10
}

// cpu returns the processor time that the child has used so far.
func (c *child) cpu() time.Duration {
	// The command's name, in brackets, may hold anything.
	_, rest, _ := strings.Cut(string(must(os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid)))), ") ")
	fields := strings.Fields(rest)
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every platform that Go knows
	return time.Duration(must(strconv.ParseInt(fields[11], 10, 64))+must(strconv.ParseInt(fields[12], 10, 64))) * tick
}

// field returns a field of a file of /proc.
func field(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// commands runs other programs, which end with ctx.
type commands struct {
	ctx        context.Context // ends with a signal
	repository string          // where output runs them, once that is known
}

// try runs a command to its end and returns how long that took and the
// processor time of the command itself. Its output is dropped.
func (c *commands) try(name string, args ...string) (elapsed, cpu time.Duration, err error) {
	cmd := exec.CommandContext(c.ctx, name, args...)
	if name != "cat" { // whose output would cost more than its input
		cmd.Stdout = new(lineCount) // not /dev/null: tar and grep notice that and read nothing
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	err = cmd.Run()
	elapsed = time.Since(start)
	if exit := new(exec.ExitError); errors.As(err, &exit) && name == "grep" && exit.ExitCode() == 1 {
		err = nil // it found nothing, as it should
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %.300s", name, err, stderr.String())
	}
	return elapsed, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// timed is try for a command that must not fail.
func (c *commands) timed(name string, args ...string) time.Duration {
	took, _, err := c.try(name, args...)
	check(err)
	return took
}

// counted runs a command and counts the lines that it prints.
func (c *commands) counted(name string, args ...string) (took time.Duration, n int) {
	cmd := exec.CommandContext(c.ctx, name, args...)
	var out lineCount
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	took = elapsed(func() { check(cmd.Run()) })
	return took, int(out)
}

// lineCount counts the lines that are written to it.
type lineCount int

func (l *lineCount) Write(p []byte) (int, error) {
	*l += lineCount(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// output returns what a command prints.
func (c *commands) output(name string, args ...string) string {
	cmd := exec.CommandContext(c.ctx, name, args...)
	cmd.Dir = c.repository
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		check(fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, stderr.String()))
	}
	return strings.TrimSpace(string(out))
}

// awaitEnd returns when the bench that started this process wants it to end.
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
