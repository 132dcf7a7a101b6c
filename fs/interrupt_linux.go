package fs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// deadly are the signals that ask a program to end. If the program does not
// handle the signal, the kernel shows SIGKILL in its place, except for SIGQUIT,
// which dumps a core.
const deadly uint64 = 1<<(syscall.SIGKILL-1) | 1<<(syscall.SIGINT-1) | 1<<(syscall.SIGTERM-1) | 1<<(syscall.SIGHUP-1) | 1<<(syscall.SIGQUIT-1)

// dying reports whether a thread has a deadly signal pending. A thread that
// can't be looked at counts as dying: it is gone, unknown or hidden, and then
// the interrupt is all there is to go by.
func dying(thread uint32) bool {
	if thread == 0 {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	return err != nil || deadlyPending(status)
}

// deadlyPending reads the format of proc_pid_status(5). Signals that the thread
// blocks did not interrupt it.
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
