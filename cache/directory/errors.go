package directory

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// What Open refuses, for errors.Is. Each comes wrapped in an *OpenError.
var (
	ErrLocked      = errors.New("in use by another process")
	ErrOwner       = errors.New("owned by another user")
	ErrPermissions = errors.New("accessible to others")
	ErrSymlink     = errors.New("a symbolic link or not a directory")
	ErrNewer       = errors.New("written by a newer version of the program")
	ErrForeign     = errors.New("not empty and not a cache")
	ErrKind        = errors.New("a cache of the other kind of key")
)

// OpenError says why a directory can't be used as a cache, and what to do.
type OpenError struct {
	Dir  string // the directory, or what is wrong inside it
	Err  error  // one of the errors above, or the system's
	Hint string // a sentence for the user, "" if there is nothing to advise
	PID  int    // with ErrLocked: the process that holds the lock, 0 if unknown
}

func (e *OpenError) Error() string {
	if e.PID != 0 {
		return fmt.Sprintf("cache: %s: %v (pid %d)", e.Dir, e.Err, e.PID)
	}
	return fmt.Sprintf("cache: %s: %v", e.Dir, e.Err)
}

func (e *OpenError) Unwrap() error { return e.Err }

// refuse is the error for the file rel of the directory, "" for itself.
func (d *Directory) refuse(rel string, err error, hint string) error {
	return &OpenError{Dir: filepath.Join(d.path, rel), Err: err, Hint: hint}
}

// OutOfSpace reports whether err is for want of room on the disk.
func OutOfSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// writeHint says what to do about a directory that can't be made or written.
func writeHint(err error) string {
	if OutOfSpace(err) {
		return "free some space on its disk, or choose a cache directory on another one"
	}
	return "choose a cache directory that you can write to"
}

func formatHint(err error) string {
	switch {
	case errors.Is(err, ErrNewer):
		return "use the newer version of the program, or choose another cache directory; nothing in this one was changed, and it may have the only copy of what is held"
	case errors.Is(err, ErrForeign):
		return "choose an empty or a new cache directory; nothing in this one was changed"
	case errors.Is(err, ErrKind):
		return "a key in memory and a shared secret each need a cache directory of their own; nothing in this one was changed"
	}
	return ""
}
