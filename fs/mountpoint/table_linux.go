package mountpoint

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// tableType is the type of our mounts in the table of mounts.
const tableType = "fuse." + Type

const mountinfo = "/proc/self/mountinfo"

// mounts reads the table of mounts; it is empty if that fails.
func mounts() []mountEntry {
	text, err := os.ReadFile(mountinfo)
	if err != nil {
		return nil
	}
	return parseTable(string(text))
}

// parseTable reads the format of proc_pid_mountinfo(5).
func parseTable(text string) (found []mountEntry) {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(text) {
		head, tail, ok := strings.Cut(line, " - ")
		before, after := strings.Fields(head), strings.Fields(tail)
		if ok && len(before) >= 5 && len(after) >= 3 {
			found = append(found, mountEntry{
				device: before[2], point: unescape.Replace(before[4]), fsType: after[0], owner: ownerOption(after[2]),
			})
		}
	}
	return found
}

// ownerOption finds the owner of a FUSE mount in its options.
func ownerOption(options string) int {
	for option := range strings.SplitSeq(options, ",") {
		if id, ok := strings.CutPrefix(option, "user_id="); ok {
			if n, err := strconv.Atoi(id); err == nil {
				return n
			}
		}
	}
	return -1
}

// resolve makes a path absolute and free of links without touching its last
// element, which may be a dead mount.
func resolve(point string) string {
	abs, err := filepath.Abs(point)
	if err != nil {
		return point
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return abs
	}
	return filepath.Join(parent, filepath.Base(abs))
}

// watchTable calls gone when a device has left the table of mounts, whoever
// unmounted it. The function that it returns ends the watch and waits for its
// end.
func watchTable(device string, gone func()) (stop func()) {
	table, err := unix.Open(mountinfo, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return func() {}
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		unix.Close(table)
		return func() {}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer unix.Close(table)
		defer unix.Close(pipe[0])
		for inTable(device) {
			wake := []unix.PollFd{{Fd: int32(table), Events: unix.POLLPRI}, {Fd: int32(pipe[0]), Events: unix.POLLIN}}
			if _, err := unix.Poll(wake, -1); err != nil && err != unix.EINTR {
				return
			}
			if wake[1].Revents != 0 {
				return
			}
		}
		gone()
	}()
	return sync.OnceFunc(func() {
		unix.Close(pipe[1])
		<-ended
	})
}
