package mountpoint

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// tableType is what mounts calls our mounts; macFUSE has one type for all.
const tableType = Type

const mountHint = "allow the macFUSE system extension in System Settings > Privacy & Security, then try again"

// prepare makes the mount point ready and checks that macFUSE is installed.
func prepare(point string, _ bool, _ *slog.Logger) error {
	if _, err := os.Stat("/Library/Filesystems/macfuse.fs"); err != nil {
		return &Error{Mountpoint: point, Reason: "macFUSE is not installed", Hint: "install it: brew install --cask macfuse"}
	}
	entries, err := os.ReadDir(point)
	switch {
	case errors.Is(err, os.ErrNotExist):
		err = os.Mkdir(point, 0o700)
	case err == nil && len(entries) > 0:
		err = errors.New("the directory is not empty, and the mount would hide its files")
	}
	if err != nil {
		return &Error{Mountpoint: point, Reason: err.Error(), Hint: "give an empty directory of your own"}
	}
	return nil
}

func connect(point string, tree fuse.RawFileSystem, o *fuse.MountOptions) (*fuse.Server, error) {
	return serve(point, tree, o)
}

// mounts reads the table of mounts; it is empty if that fails.
func mounts() []mountEntry {
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	if err != nil {
		return nil
	}
	table := make([]unix.Statfs_t, n)
	if n, err = unix.Getfsstat(table, unix.MNT_NOWAIT); err != nil {
		return nil
	}
	var found []mountEntry
	for _, m := range table[:n] {
		e := mountEntry{
			device: fmt.Sprint(m.Fsid.Val), point: unix.ByteSliceToString(m.Mntonname[:]),
			fsType: unix.ByteSliceToString(m.Fstypename[:]), owner: int(m.Owner),
		}
		if strings.HasPrefix(unix.ByteSliceToString(m.Mntfromname[:]), sourcePrefix) {
			e.fsType = tableType
		}
		found = append(found, e)
	}
	return found
}

func resolve(point string) string {
	if real, err := filepath.EvalSymlinks(point); err == nil {
		return real
	}
	return point
}

func detach(point string) error       { return exec.Command("umount", "-f", point).Run() }
func unmountIdle(point string) error  { return exec.Command("umount", point).Run() }
func unmountHint(point string) string { return "see who uses it: lsof +f -- " + point }

// Helper is none here: macFUSE mounts by itself.
func Helper() (string, error) { return "", errors.New("macFUSE needs no helper") }

// The rest is known on Linux alone: that a mount is dead, who uses it, and that
// another process unmounted it.

var errDead = errors.New("dead")

func answers(string) error                    { return nil }
func holders(string) []Holder                 { return nil }
func watchTable(string, func()) (stop func()) { return func() {} }
func tuneReadahead(string, *slog.Logger)      {}
