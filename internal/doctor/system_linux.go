package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func (o Options) systemChecks() []Check {
	return []Check{{"kernel", kernel}, {"FUSE device", o.device}, {"FUSE helper", o.helper}, {"allow_other", o.allowOther}}
}

// recentKernel has all of FUSE that a mount uses; the last to come was FOPEN_NOFLUSH.
var recentKernel = []int{5, 16}

func kernel(context.Context) Finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return warn("unknown", "see what uname -r says", "does not tell its version: %v", err)
	}
	return judgeKernel(unix.ByteSliceToString(u.Release[:]))
}

// judgeKernel keeps of a release only its numbers: who builds a kernel may put a name
// behind them.
func judgeKernel(release string) Finding {
	var numbers []int
	for part := range strings.SplitSeq(release, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		numbers = append(numbers, n)
	}
	if len(numbers) < 2 {
		return warn("unknown", "see what uname -r says", "its version is not understood: %q", release)
	}
	f := ok("Linux %s", release)
	if slices.Compare(numbers, recentKernel) < 0 {
		f = warn("old", "mounts work, but slower: Linux 5.16 or newer has all that they use", "Linux %s", release)
	}
	return f.with("major", numbers[0]).with("minor", numbers[1])
}

func (o Options) device(context.Context) Finding {
	switch info, err := os.Stat(o.Device); {
	case errors.Is(err, fs.ErrNotExist):
		return fail("missing", "load the kernel's module (modprobe fuse), or give the container the device (--device /dev/fuse --cap-add SYS_ADMIN)", "there is no %s", o.Device)
	case err != nil:
		return fail("unusable", "check the directory that it is in", "%v", err)
	case info.Mode()&fs.ModeCharDevice == 0:
		return fail("not-a-device", "remove it, and load the kernel's module (modprobe fuse)", "%s is no device", o.Device)
	}
	if err := unix.Access(o.Device, unix.R_OK|unix.W_OK); err != nil {
		return fail("closed", "ask an administrator to run: chmod 666 "+o.Device+" (or to add you to the group that owns it)", "you may not use %s", o.Device)
	}
	// Opening it says whether the kernel has what the file stands for.
	f, err := os.OpenFile(o.Device, os.O_RDWR, 0)
	if err != nil {
		return fail("unusable", "load the kernel's module (modprobe fuse); in a container, its devices have to allow it", "%v", err)
	}
	f.Close()
	return ok("%s can be used", o.Device)
}

func (o Options) helper(context.Context) Finding {
	path, err := o.Helper()
	switch {
	case err != nil && o.Ordinary:
		return fail("missing", "install the package fuse3", "%v", err).with("needed", true)
	case err != nil:
		return ok("none; root needs none").with("needed", false)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil && o.Ordinary:
		return fail("unusable", "install the package fuse3 again", "%v", err).with("needed", true)
	case err == nil && o.Ordinary && info.Mode()&fs.ModeSetuid == 0:
		return fail("not-setuid", "ask an administrator to run: chmod u+s "+path, "%s is not setuid root, so it can't mount for you", path).with("needed", true)
	}
	return ok("%s", path).with("needed", o.Ordinary)
}

// allowOther judges what lets ordinary users share their mounts.
func (o Options) allowOther(context.Context) Finding {
	conf, err := os.ReadFile(o.Config)
	allowed := err == nil && slices.ContainsFunc(strings.Split(string(conf), "\n"), func(line string) bool { return strings.TrimSpace(line) == "user_allow_other" })
	f := ok("not asked for")
	switch {
	case o.AllowOther && o.Ordinary && !allowed:
		f = fail("not-allowed", "ask an administrator to add the line user_allow_other to "+o.Config, "ordinary users may not use --allow-other here")
	case o.AllowOther:
		f = ok("other users can be let in")
	}
	return f.with("asked_for", o.AllowOther).with("user_allow_other", allowed)
}

// swaps reports whether the machine has swap, or does not tell.
func swaps() bool {
	text, err := os.ReadFile("/proc/swaps")
	return err != nil || strings.Count(string(text), "\n") > 1
}

// fileSystems are the types that matter, by their numbers in statfs(2).
var fileSystems = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.F2FS_SUPER_MAGIC: "f2fs",
	0x2fc12fc1: "zfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.TMPFS_MAGIC: "tmpfs", unix.RAMFS_MAGIC: "ramfs",
	unix.NFS_SUPER_MAGIC: "nfs", unix.CIFS_SUPER_MAGIC: "cifs", unix.SMB2_SUPER_MAGIC: "smb", unix.FUSE_SUPER_MAGIC: "fuse",
	unix.V9FS_MAGIC: "9p", unix.CEPH_SUPER_MAGIC: "ceph", unix.ECRYPTFS_SUPER_MAGIC: "ecryptfs", unix.MSDOS_SUPER_MAGIC: "vfat",
}

// fileSystem returns the type of the file system below a directory, "other" if it is
// none of those that matter.
func fileSystem(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", err
	}
	if name := fileSystems[int64(uint32(st.Type))]; name != "" {
		return name, nil
	}
	return "other", nil
}
