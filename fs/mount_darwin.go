package fs

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	readdirplusAuto = 0
)

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

// Mounted returns where on this machine a veriffs is mounted.
func Mounted() []string {
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	if err != nil {
		return nil
	}
	table := make([]unix.Statfs_t, n)
	if n, err = unix.Getfsstat(table, unix.MNT_NOWAIT); err != nil {
		return nil
	}
	var points []string
	for _, m := range table[:n] {
		if source := unix.ByteSliceToString(m.Mntfromname[:]); len(source) > 7 && source[:7] == "veriff:" {
			points = append(points, unix.ByteSliceToString(m.Mntonname[:]))
		}
	}
	return points
}

func resolve(point string) string {
	if real, err := filepath.EvalSymlinks(point); err == nil {
		return real
	}
	return point
}

func detach(point string) error  { return exec.Command("umount", "-f", point).Run() }
func release(point string) error { return exec.Command("umount", point).Run() }

func mountHint() string {
	return "allow the macFUSE system extension in System Settings > Privacy & Security, then try again"
}

func tuneReadahead(string, *slog.Logger) {}
