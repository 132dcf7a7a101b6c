package fs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// deadly are the signals that ask a program to end. Where a program handles
// none of them the kernel sets SIGKILL, whatever the signal was; SIGQUIT, which
// leaves a core, stays itself.
const deadly uint64 = 1<<(syscall.SIGKILL-1) | 1<<(syscall.SIGINT-1) | 1<<(syscall.SIGTERM-1) | 1<<(syscall.SIGHUP-1) | 1<<(syscall.SIGQUIT-1)

// dying reports whether a thread has a deadly signal pending. A thread that
// can't be looked at, because it is gone, unknown or hidden, counts as dying:
// there the interrupt alone has to do.
func dying(thread uint32) bool {
	if thread == 0 {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	return err != nil || deadlyPending(status)
}

// deadlyPending reads a status of proc_pid_status(5). What waits because the
// thread blocks it did not interrupt the thread.
func deadlyPending(status []byte) bool {
	var pending, blocked uint64
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		var set *uint64
		switch string(name) {
		case "SigPnd", "ShdPnd":
			set = &pending
		case "SigBlk":
			set = &blocked
		default:
			continue
		}
		if signals, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 64); err == nil {
			*set |= signals
		}
	}
	return pending&^blocked&deadly != 0
}
