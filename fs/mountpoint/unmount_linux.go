package mountpoint

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// aliveTimeout is how long a mount may take to answer before it counts as stuck.
// One whose process was killed a moment ago answers, with errDead, once the
// last thread is gone.
const aliveTimeout = 3 * time.Second

// errDead is the answer of a mount whose process has ended.
const errDead = unix.ENOTCONN

// answers asks a mount something and gives up after aliveTimeout. It uses
// statfs because a dead mount still answers stat, from the kernel's cache.
func answers(point string) error {
	late := time.After(aliveTimeout)
	for {
		result := make(chan error, 1)
		go func() {
			var st unix.Statfs_t
			result <- unix.Statfs(point, &st)
		}()
		select {
		case err := <-result:
			if errors.Is(err, unix.ECONNABORTED) {
				continue // its process ended after it got the question
			}
			return err
		case <-late:
			return os.ErrDeadlineExceeded
		}
	}
}

// detach takes a mount out of the tree at once, even if it is dead or in use.
func detach(point string) error {
	if mayMount() {
		return unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	return fusermount("-u", "-z", "-q", point)
}

// unmountIdle unmounts, or fails if the mount is in use.
func unmountIdle(point string) error {
	if mayMount() {
		return unix.Unmount(point, unix.UMOUNT_NOFOLLOW)
	}
	return fusermount("-u", "-q", point)
}

// Helper is the path of fusermount3, by which an ordinary user mounts.
func Helper() (string, error) {
	names := []string{"fusermount3", "fusermount"}
	if os.Getenv("PATH") == "" { // as mount(8) calls us for an ordinary user
		names = []string{"/usr/bin/fusermount3", "/bin/fusermount3"}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("fusermount3 is not installed")
}

func fusermount(args ...string) error {
	tool, err := Helper()
	if err != nil {
		return err
	}
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func unmountHint(point string) string { return "try as root: sudo umount -l " + point }
