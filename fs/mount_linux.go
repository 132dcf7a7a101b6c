package fs

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// mountType is how our mounts are called in the table of mounts, and what
// indexers are told to pass over.
const mountType = "fuse.veriffs"

const readdirplusAuto = fuse.CAP_READDIRPLUS_AUTO

// aliveTimeout is how long a mount that is found on the mount point may take
// to answer before it is called stuck. One whose process was killed a moment
// ago answers, with errDead, once the last thread is gone.
const aliveTimeout = 3 * time.Second

// prepare makes the mount point ready, or says in words why it can't be.
func prepare(point string, allowOther bool, log *slog.Logger) error {
	wrong := func(reason, hint string) error {
		return &MountError{Mountpoint: point, Reason: reason, Hint: hint}
	}
	for {
		m, mounted := mountedAt(point)
		if !mounted || m.fsType != mountType {
			break
		}
		switch err := answers(point, aliveTimeout); {
		case errors.Is(err, errDead):
			log.Info("a mount that a crash left behind is replaced", "mountpoint", point)
			if err := detach(point); err != nil {
				return wrong("a mount that a crash left behind can't be removed: "+err.Error(), "run: fusermount3 -u -z "+point)
			}
		case err == nil:
			return wrong("veriffs is mounted there already", "unmount it first: veriffs unmount "+point)
		default:
			return wrong("the mount that is there does not answer", "unmount it first: veriffs unmount "+point)
		}
	}
	if err := emptyDirectory(point); err != nil {
		return wrong(err.Error(), "give an empty directory of your own")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		return wrong("this machine has no /dev/fuse", "load the kernel module (modprobe fuse), or give the container the device (--device /dev/fuse --cap-add SYS_ADMIN)")
	}
	if os.Geteuid() == 0 {
		return nil
	}
	if err := unix.Access("/dev/fuse", unix.R_OK|unix.W_OK); err != nil {
		return wrong("you may not use /dev/fuse", "ask an administrator to run: chmod 666 /dev/fuse (or to add you to the group that owns it)")
	}
	if _, err := fusermountPath(); err != nil {
		return wrong(err.Error(), "install the package fuse3")
	}
	if conf, err := os.ReadFile("/etc/fuse.conf"); allowOther && err == nil && !hasLine(string(conf), "user_allow_other") {
		return wrong("--allow-other is not permitted to ordinary users here", "have an administrator add the line user_allow_other to /etc/fuse.conf")
	}
	return nil
}

// emptyDirectory sees to it that point is a directory with nothing in it,
// making it if only its last element is missing.
func emptyDirectory(point string) error {
	entries, err := os.ReadDir(point)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := os.Mkdir(point, 0o700); err != nil {
			return fmt.Errorf("the directory can't be made: %w", err)
		}
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return errors.New("the directory is not empty, its files would be hidden")
	default:
		return nil
	}
}

func hasLine(text, want string) bool {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == want {
			return true
		}
	}
	return false
}

// errDead is what a mount without a process answers.
const errDead = unix.ENOTCONN

// answers asks a mount something without being caught in it if it is stuck.
// statfs, because a dead mount still answers stat from what the kernel keeps.
func answers(point string, patience time.Duration) error {
	late := time.After(patience)
	for {
		result := make(chan error, 1)
		go func() {
			var st unix.Statfs_t
			result <- unix.Statfs(point, &st)
		}()
		select {
		case err := <-result:
			if errors.Is(err, unix.ECONNABORTED) {
				continue // its process has ended while this question was on its way
			}
			return err
		case <-late:
			return os.ErrDeadlineExceeded
		}
	}
}

// detach takes a mount out of the tree at once, dead or in use.
func detach(point string) error {
	if os.Geteuid() == 0 {
		return unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	return fusermount("-u", "-z", "-q", point)
}

// release unmounts politely: an error if the mount is in use.
func release(point string) error {
	if os.Geteuid() == 0 {
		return unix.Unmount(point, unix.UMOUNT_NOFOLLOW)
	}
	return fusermount("-u", "-q", point)
}

func fusermountPath() (string, error) {
	for _, name := range []string{"fusermount3", "fusermount"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("fusermount3 is not installed")
}

func fusermount(args ...string) error {
	tool, err := fusermountPath()
	if err != nil {
		return err
	}
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func mountHint() string {
	return "run with --log-level debug to see what the kernel and fusermount3 say"
}

func unmountHint(point string) string { return "try as root: sudo umount -l " + point }

// kernelReadahead is how far the kernel reads ahead within a file, in KiB:
// cold sequential reads of cached objects went from 1.6 to 2.8 GB/s with it.
const kernelReadahead = "4096"

// tuneReadahead raises the kernel's window for this mount, where we may.
func tuneReadahead(device string, log *slog.Logger) {
	if err := os.WriteFile("/sys/class/bdi/"+device+"/read_ahead_kb", []byte(kernelReadahead), 0); err != nil {
		log.Debug("the kernel's read-ahead window stays as it is", "error", err)
	}
}
