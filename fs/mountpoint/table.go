package mountpoint

import (
	"errors"
	"os"
	"slices"
)

// mountEntry is a line of the table of mounts.
type mountEntry struct {
	device string // tells mounts apart
	point  string
	fsType string
	owner  int // user id of who mounted it, whom fusermount3 lets unmount it; -1 if unknown
}

// All returns the mount points of every veriffs that this process can see.
func All() []string {
	var points []string
	for _, m := range mounts() {
		if m.fsType == tableType {
			points = append(points, m.point)
		}
	}
	return points
}

// Alive reports whether a veriffs is mounted on point and answers. One whose
// process is ending does not. It may take a few seconds.
func Alive(point string) bool {
	m, mounted := mountedAt(point)
	return mounted && m.fsType == tableType && answers(point) == nil
}

// Stale reports whether a veriffs is mounted on point and does not answer: its process
// has ended or is stuck. One of another user, who may not ask it, is not stale. It may
// take a few seconds.
func Stale(point string) bool {
	m, mounted := mountedAt(point)
	if !mounted || m.fsType != tableType {
		return false
	}
	err := answers(point)
	return errors.Is(err, errDead) || errors.Is(err, os.ErrDeadlineExceeded)
}

// mountedAt returns the topmost mount on point. It reads the table of mounts
// because a stat of a dead mount fails, and of a stuck one hangs.
func mountedAt(point string) (top mountEntry, mounted bool) {
	point = resolve(point)
	for _, m := range mounts() {
		if m.point == point {
			top, mounted = m, true
		}
	}
	return top, mounted
}

// inTable reports whether a device is mounted anywhere. It assumes so if the
// table can't be read.
func inTable(device string) bool {
	all := mounts()
	return len(all) == 0 || slices.ContainsFunc(all, func(m mountEntry) bool { return m.device == device })
}
