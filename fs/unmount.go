package fs

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"
)

// Grace is how long whoever uses a mount at the time of its unmounting can go
// on. It is over when the process of the mount ends, which is the caller's
// part: what is open then gives ENOTCONN.
const Grace = 5 * time.Second

// A mount that is in use is asked again after 5, 10, 20 … ms: whoever closed
// the last file a moment ago may not be done.
const (
	unmountPause    = 5 * time.Millisecond
	unmountPatience = 200 * time.Millisecond
)

// mountEntry is a line of the table of mounts.
type mountEntry struct {
	device string // tells mounts apart
	point  string
	fsType string
	owner  int // whom fusermount3 lets unmount it; -1 if unknown
}

// Mounted returns where on this machine, as far as this process sees, a
// veriffs is mounted.
func Mounted() []string {
	var points []string
	for _, m := range mounts() {
		if m.fsType == mountType {
			points = append(points, m.point)
		}
	}
	return points
}

// mountedAt returns the topmost mount on point. It reads the table of mounts:
// a stat of a dead mount fails, and of a stuck one hangs.
func mountedAt(point string) (top mountEntry, mounted bool) {
	point = resolve(point)
	for _, m := range mounts() {
		if m.point == point {
			top, mounted = m, true
		}
	}
	return top, mounted
}

// Serves reports whether a veriffs is mounted on point and answers. One whose
// process is dying does not.
func Serves(point string) bool {
	m, mounted := mountedAt(point)
	return mounted && m.fsType == mountType && answers(point, aliveTimeout) == nil
}

// inTable reports whether a device is mounted anywhere. A table that can't be
// read says nothing against it.
func inTable(device string) bool {
	all := mounts()
	return len(all) == 0 || slices.ContainsFunc(all, func(m mountEntry) bool { return m.device == device })
}

// Unmount takes a veriffs away that another process mounted. If it is in use it
// leaves the tree all the same, and busy says who used it and what becomes of
// that. Anything that is not a veriffs is left alone.
//
// Errors are of type *MountError.
func Unmount(point string) (busy *Busy, err error) {
	m, mounted := mountedAt(point)
	if !mounted || m.fsType != mountType {
		return nil, &MountError{Mountpoint: point, Reason: "no veriffs is mounted there", Hint: "see what is: mount | grep veriffs"}
	}
	if me := os.Geteuid(); me != 0 && m.owner >= 0 && m.owner != me {
		return nil, &MountError{Mountpoint: point, Reason: "the mount is " + userName(m.owner) + "'s",
			Hint: "that user can unmount it, and root: sudo veriffs unmount " + point}
	}
	return takeAway(m, func() string {
		switch err := answers(m.point, aliveTimeout); {
		case err == nil:
			return fateGrace
		case errors.Is(err, errDead):
			return "its process had ended before, and what is open gives errors (ENOTCONN)"
		default:
			return "its process does not answer"
		}
	})
}

func userName(id int) string {
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(id)
}

// takeAway unmounts politely, or else takes the mount out of the tree while it
// is in use; fate says what becomes of that use.
func takeAway(m mountEntry, fate func() string) (*Busy, error) {
	for pause := unmountPause; pause < unmountPatience; pause *= 2 {
		if release(m.point) == nil {
			return nil, nil
		}
		if now, mounted := mountedAt(m.point); !mounted || now.device != m.device {
			return nil, nil // somebody else did it
		}
		time.Sleep(pause)
	}
	busy := &Busy{fate: fate()}
	if err := detach(m.point); err != nil {
		return nil, &MountError{Mountpoint: m.point, Reason: "it can't be unmounted: " + err.Error(), Hint: unmountHint(m.point)}
	}
	busy.Holders = holders(m.device)
	return busy, nil
}

// fateGrace is of a mount whose process ends in order.
var fateGrace = fmt.Sprintf("what is open can be read for %v and then gives errors (ENOTCONN)", Grace)

// Busy says that a mount was in use when it was unmounted.
type Busy struct {
	// Holders are the processes that used it, as far as this one may see.
	Holders []Holder
	fate    string // of what they have open
}

// Holder is a process that uses a mount.
type Holder struct {
	PID  int
	Name string // of its program
	How  string // it uses the mount
}

func (h Holder) String() string { return fmt.Sprintf("%s (process %d, %s)", h.Name, h.PID, h.How) }

func (b *Busy) String() string {
	by := ", by nobody who can be seen from here"
	for i, h := range b.Holders {
		if i == 0 {
			by = " by "
		} else {
			by += ", "
		}
		by += h.String()
	}
	return "the mount was in use" + by + ": it is out of the tree, " + b.fate
}
