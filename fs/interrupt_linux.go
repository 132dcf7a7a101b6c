package fs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// dying reports whether a thread has a deadly signal pending: the kernel then
// sets SIGKILL for it, whatever the signal was. A thread that can't be looked
// at, because it is gone, unknown or hidden, counts as dying: there the
// interrupt alone has to do.
func dying(thread uint32) bool {
	if thread == 0 {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	if err != nil {
		return true
	}
	const kill = 1 << (syscall.SIGKILL - 1)
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if string(name) != "SigPnd" && string(name) != "ShdPnd" {
			continue
		}
		pending, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 64)
		if err == nil && pending&kill != 0 {
			return true
		}
	}
	return false
}
