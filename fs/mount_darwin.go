package fs

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const readdirplusAuto = 0

// prepare makes the mount point ready, or says in words why it can't be.
func prepare(point string, _ bool, _ *slog.Logger) error {
	if _, err := os.Stat("/Library/Filesystems/macfuse.fs"); err != nil {
		return &MountError{Mountpoint: point, Reason: "macFUSE is not installed", Hint: "install it: brew install --cask macfuse"}
	}
	entries, err := os.ReadDir(point)
	switch {
	case errors.Is(err, os.ErrNotExist):
		err = os.Mkdir(point, 0o700)
	case err == nil && len(entries) > 0:
		err = errors.New("the directory is not empty, its files would be hidden")
	}
	if err != nil {
		return &MountError{Mountpoint: point, Reason: err.Error(), Hint: "give an empty directory of your own"}
	}
	return nil
}

func mountWithin(point string, root fusefs.InodeEmbedder, o *fusefs.Options) (*fuse.Server, error) {
	return fusefs.Mount(point, root, o)
}

// mountType is what the table of mounts is made to call our mounts here, where
// macFUSE has one name for all.
const mountType = "veriffs"

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
		if strings.HasPrefix(unix.ByteSliceToString(m.Mntfromname[:]), "veriff:") {
			e.fsType = mountType
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

func detach(point string) error  { return exec.Command("umount", "-f", point).Run() }
func release(point string) error { return exec.Command("umount", point).Run() }

// What follows is known on Linux alone: who uses a mount, that one is dead, and
// that another process took it out of the tree.

var (
	errDead      = errors.New("dead")
	aliveTimeout = time.Duration(0)
)

func answers(string, time.Duration) error     { return nil }
func holders(string) []Holder                 { return nil }
func watchTable(string, func()) (stop func()) { return func() {} }
func unmountHint(point string) string         { return "see who uses it: lsof +f -- " + point }

func mountHint() string {
	return "allow the macFUSE system extension in System Settings > Privacy & Security, then try again"
}

func tuneReadahead(string, *slog.Logger) {}
