package command

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"veriffs/fs/mountpoint"
	"veriffs/internal/memory"
	"veriffs/internal/sessionlist"
)

// A mount in the background has a process that serves it and one that supervises: it
// waits for the end of the first and, if that was not in order, starts another one in
// its place.
//
// The dead mount stays until the new one is ready to replace it: programs get errors,
// and not an empty directory, which they could take for an erased one. Only from taking
// one away to mounting the other, some milliseconds, is the directory empty. Whoever
// unmounts the dead mount ends both. If the supervisor is killed, the mount goes on
// without one.

const (
	// settled is how long a mount lives that does not die of how it was started.
	settled = 10 * time.Second
	// maxDeaths is how many deaths in a row, each sooner than settled, are followed by a
	// new start.
	maxDeaths = 5
	// firstPause precedes the second start in a row and doubles with each further one:
	// the first follows at once.
	firstPause = 250 * time.Millisecond
	longPause  = 30 * time.Second
)

// supervisedVariable tells a process that serves a mount how many there were before it,
// and whether the mount of the last one is to be there when it mounts: "2 replaces".
const supervisedVariable = "VERIFFS_SUPERVISED"

const replaces = " replaces"

// supervised is what a process that serves a mount knows of its supervisor.
type supervised struct {
	by       int // its process; 0: there is none
	restarts int
	replaces bool // a dead mount, which whoever wants an end of this one unmounts
}

func takeSupervised() (s supervised) {
	text := os.Getenv(supervisedVariable)
	_ = os.Unsetenv(supervisedVariable)
	number, replacing := strings.CutSuffix(text, replaces)
	n, err := strconv.Atoi(number)
	if err != nil {
		return s
	}
	return supervised{os.Getppid(), n, replacing}
}

// errUnmounted says that the dead mount which a new one was to replace is gone.
var errUnmounted = errors.New("the dead mount was unmounted")

func (s supervised) unmounted(point string) bool {
	if !s.replaces {
		return false
	}
	_, there := mountpoint.At(point)
	return !there
}

// canRestart reports whether another process could mount the same: what came on standard
// input can't be read again.
func canRestart(c *cli.Context) bool {
	return !slices.Contains(c.StringSlice(flagSessions), sessionlist.Stdin)
}

// supervisor is the state of supervise.
type supervisor struct {
	c         *cli.Context
	dir       string   // where the command line was typed
	args      []string // what was typed, with absolute paths
	paths     []string // variables, likewise
	point     string
	last      mountpoint.Other // that of the last process which came up
	automount bool             // who looks at the mount point while nothing is there has it mounted
	restarts  int
	deaths    int // in a row
}

// supervise runs a process that serves the mount, and others after it, until one ends in
// order. It keeps the secrets that it was handed, to hand them on, and reads no others.
func supervise(c *cli.Context, foreground *background) (err error) {
	memory.Protect()
	s := &supervisor{c: c}
	if s.dir, err = os.Getwd(); err != nil {
		return err
	}
	from := base(s.dir)
	s.args, s.paths, s.point = from.arguments(newApp(), os.Args)[1:], from.environment(), filepath.Clean(from.path(c.Args().First()))
	if err := c.Set(flagLogFile, from.path(c.String(flagLogFile))); err != nil {
		return err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	up, err := s.run(hangups, foreground.detach)
	if !up {
		return outcome(err)
	}
	for {
		if done, err := s.ends(up, err); done {
			return err
		}
		up, err = s.run(hangups, func(string) error { return nil })
	}
}

// run starts a process and waits for its end. It reports whether the mount came up, and
// calls ready then.
func (s *supervisor) run(hangups <-chan os.Signal, ready func(says string) error) (up bool, err error) {
	more := []string{supervisedVariable + "=" + strconv.Itoa(s.restarts)}
	if s.restarts > 0 {
		if s.last.There() {
			more[0] += replaces
		}
		if !s.c.IsSet(flagAllowOffline) {
			// What is in the cache was there before, and stays.
			more = append(more, variables(flagAllowOffline)[0]+"=true")
		}
	}
	dir := s.dir
	if _, err := os.Stat(dir); err != nil {
		dir = "/" // it is gone, and no path starts from it any more
	}
	c, err := startChild(s.args, dir, append(more, s.paths...)...)
	if err != nil {
		return false, err
	}
	stop := context.AfterFunc(s.c.Context, func() { _ = c.Process.Signal(syscall.SIGTERM) })
	defer stop()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-hangups:
				_ = c.Process.Signal(syscall.SIGHUP)
			case <-ended:
				return
			}
		}
	}()
	began := time.Now()
	var says string
	if says, up = c.becameReady(); up {
		s.last, _ = mountpoint.At(s.point)
		s.automount = s.last.OnAutomount()
		if err := ready(says); err != nil {
			s.say(slog.LevelWarn, "could not detach from the terminal", "error", err)
		}
	}
	err = c.Wait()
	if up && time.Since(began) >= settled {
		s.deaths = 0
	}
	return up, err
}

// ends says after the end of a process whether that is the end of the mount, and takes
// away what is left of it then. If it is not, it returns when the time has come for the next process.
func (s *supervisor) ends(up bool, failure error) (done bool, err error) {
	var exit *exec.ExitError
	code := 0 // none: a signal, or it could not be started
	if errors.As(failure, &exit) {
		code = max(0, exit.ExitCode())
	}
	defer func() {
		if done {
			s.clear()
		}
	}()
	switch {
	case failure == nil: // it was unmounted, or told to end
		return true, nil
	case s.c.Context.Err() != nil, up && code > 0:
		return true, outcome(failure)
	case s.automount:
		// Another process of ours would wait for the service manager, which waits for it.
		s.say(slog.LevelWarn, "the mount's process died; the next who looks has it mounted again", "mountpoint", s.point, "how", failure)
		return true, outcome(failure)
	case slices.Contains([]int{exitRefused, exitCache}, code):
		s.say(slog.LevelError, "the mount's process died, and another one can't take its place", "mountpoint", s.point, "exit_code", code)
		return true, outcome(failure)
	}
	if s.deaths++; s.deaths > maxDeaths {
		s.say(slog.LevelError, "the mount's processes die one after the other: giving up", "mountpoint", s.point, "deaths", s.deaths, "last", failure)
		return true, outcome(failure)
	}
	var pause time.Duration
	switch {
	case code == exitUsage: // the command line is what it was: a keyring or a directory service is not there now
		pause = longPause
	case s.deaths > 1:
		pause = min(firstPause<<(s.deaths-2), longPause)
	}
	s.say(slog.LevelWarn, "the mount's process died; mounting again", "mountpoint", s.point, "how", failure, "restarts", s.restarts+1, "after", pause)
	select {
	case <-time.After(pause):
	case <-s.c.Context.Done():
		return true, nil
	}
	// A restart that did not come up has left the dead mount for others to unmount.
	if !s.last.There() {
		s.say(slog.LevelInfo, "the dead mount was unmounted: this one ends", "mountpoint", s.point)
		return true, nil
	}
	s.restarts++
	return false, nil
}

// clear takes away the dead mount of the last process, and nothing else.
func (s *supervisor) clear() {
	if err := s.last.Clear(); err != nil {
		s.say(slog.LevelWarn, "the dead mount can't be removed", "mountpoint", s.point, "error", err)
	}
}

// say logs a line. It opens the log each time: there may be weeks between two, and whoever
// rotates the log knows nothing of this process.
func (s *supervisor) say(level slog.Level, message string, args ...any) {
	log, file, err := newLogger(s.c)
	if err != nil {
		return
	}
	defer file.Close()
	log.Log(s.c.Context, level, message, args...)
}
