//go:build !linux

package writer

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot is a clock that is never set, in nanoseconds.
func sinceBoot() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return t.Nano()
}

// suspended is how long the machine was suspended since it booted.
func suspended() time.Duration { return clockAhead(unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_UPTIME_RAW) }

// bootID tells boots apart: by when they began.
func bootID() string {
	t, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return ""
	}
	return strconv.FormatInt(t.Sec, 10) + "." + strconv.FormatInt(int64(t.Usec), 10)
}

// pidNamespace is one for all.
func pidNamespace() string { return "" }

// startTime is when a process began, in microseconds since 1970. It is 0 if there
// is no such process.
func startTime(pid int) uint64 {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0
	}
	t := info.Proc.P_starttime
	return uint64(t.Sec)*1e6 + uint64(t.Usec)
}
