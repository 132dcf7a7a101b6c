package mountpoint

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// holdersTimeout bounds the search: reading the memory map of a process that
// waits for a stuck mount can block.
const holdersTimeout = 2 * time.Second

// holders returns the processes that use a mount, as far as this one may look
// into them. It asks the mount itself for nothing.
func holders(device string) (found []Holder) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	seen := make(chan Holder, len(entries))
	go func() {
		defer close(seen)
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err != nil || pid == os.Getpid() {
				continue
			}
			if how := uses(pid, device); how != "" {
				seen <- Holder{PID: pid, Name: programName(pid), How: how}
			}
		}
	}()
	late := time.After(holdersTimeout)
	for {
		select {
		case h, more := <-seen:
			if !more {
				slices.SortFunc(found, func(a, b Holder) int { return cmp.Compare(a.PID, b.PID) })
				return found
			}
			found = append(found, h)
		case <-late:
			return found
		}
	}
}

// uses says how a process uses a mount; "" if it does not, or can't be looked
// into.
func uses(pid int, device string) string {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	for _, link := range []struct{ name, how string }{{"cwd", "working directory"}, {"root", "root directory"}, {"exe", "program"}} {
		if on(filepath.Join(dir, link.name), device) {
			return link.how
		}
	}
	files, _ := os.ReadDir(filepath.Join(dir, "fd"))
	for _, f := range files {
		if on(filepath.Join(dir, "fd", f.Name()), device) {
			return "open file"
		}
	}
	maps, err := os.Open(filepath.Join(dir, "maps"))
	if err != nil {
		return ""
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 3 && sameDevice(fields[3], device) {
			return "mapped file"
		}
	}
	return ""
}

// on reports whether the target of a link in /proc is on a device. Asked for no
// attribute at all, the kernel reports the device from its own memory: it asks
// no server, so that a stuck mount blocks nobody, and checks no permission.
func on(link, device string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, 0, &st)
	return err == nil && fmt.Sprintf("%d:%d", st.Dev_major, st.Dev_minor) == device
}

// sameDevice compares a device from proc_pid_maps(5), in hexadecimal, with one
// from the table of mounts.
func sameDevice(hex, device string) bool {
	major, minor, ok := strings.Cut(hex, ":")
	a, errA := strconv.ParseUint(major, 16, 32)
	b, errB := strconv.ParseUint(minor, 16, 32)
	return ok && errA == nil && errB == nil && fmt.Sprintf("%d:%d", a, b) == device
}

// programName is the name that a process goes by, without characters that could
// control a terminal.
func programName(pid int) string {
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return "?"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.TrimSuffix(string(name), "\n"))
}
