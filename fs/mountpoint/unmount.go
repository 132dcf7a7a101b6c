package mountpoint

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"
)

// Grace is how long whoever uses a mount when it is unmounted can go on. Then
// the process of the mount ends, and what is open fails with ENOTCONN.
const Grace = 5 * time.Second

// fateGrace is what becomes of files that are open in a mount whose process
// ends in order.
var fateGrace = fmt.Sprintf("what is open can be read for %v and then gives errors (ENOTCONN)", Grace)

// A mount that is in use is tried again after 5, 10, 20 … ms: whoever closed
// its last file a moment ago may not be done.
const (
	unmountPause    = 5 * time.Millisecond
	unmountPatience = 200 * time.Millisecond
)

// Unmount unmounts a veriffs that another process serves. A mount that is in
// use leaves the tree all the same, and busy says who uses it. Unmount leaves
// alone what is not a veriffs.
//
// Errors are of type *Error.
func Unmount(point string) (busy *Busy, err error) {
	m, mounted := mountedAt(point)
	if !mounted || m.fsType != tableType {
		return nil, &Error{Mountpoint: point, Reason: "no veriffs is mounted there", Hint: "see what is: mount | grep veriffs"}
	}
	if me := os.Geteuid(); me != 0 && m.owner >= 0 && m.owner != me {
		return nil, &Error{Mountpoint: point, Reason: "the mount is " + userName(m.owner) + "'s",
			Hint: "that user can unmount it, and root: sudo veriffs unmount " + point}
	}
	return takeAway(m, func() string {
		switch err := answers(m.point); {
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

// takeAway unmounts a mount that is not in use, and takes one that is out of
// the tree; fate says what becomes of the files that are open in it.
func takeAway(m mountEntry, fate func() string) (*Busy, error) {
	for pause := unmountPause; pause < unmountPatience; pause *= 2 {
		if unmountIdle(m.point) == nil {
			return nil, nil
		}
		if now, mounted := mountedAt(m.point); !mounted || now.device != m.device {
			return nil, nil // somebody else did it
		}
		time.Sleep(pause)
	}
	busy := &Busy{fate: fate()}
	if err := detach(m.point); err != nil {
		return nil, &Error{Mountpoint: m.point, Reason: "it can't be unmounted: " + err.Error(), Hint: unmountHint(m.point)}
	}
	busy.Holders = holders(m.device)
	return busy, nil
}
