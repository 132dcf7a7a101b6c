//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// diskSize is that of the disk that is made for a run: a sparse file, of which only what is
// used takes room.
const diskSize = 48 << 30 // bytes

// startDisk makes the disk that is measured, and returns a directory on it and what ends
// it.
//
// It is an ext4 as installers make it, with a journal. The disk of a virtual machine may
// have none; its kernel then does not use the numbers of inodes again that were freed in
// the last minutes, and looks at each of them whenever a file is created. After some
// thousand removals a new file takes 0.7 ms of processor time instead of 0.03: measured so,
// a walk shows how much was removed before it.
func (b *bench) startDisk() (dir string, stop func()) {
	scratch := must(os.MkdirTemp(os.TempDir(), "veriffs-bench-"))
	remove := func() { _ = os.RemoveAll(scratch) }
	if err := diskPossible(); err != nil {
		note("measuring %s as it is: %v", scratch, err)
		return scratch, remove
	}
	image, point := filepath.Join(scratch, "disk"), filepath.Join(scratch, "mnt")
	f := must(os.Create(image))
	check(f.Truncate(diskSize))
	check(f.Close())
	check(os.Mkdir(point, 0o700))
	b.output("mkfs.ext4", "-q", image)
	device := b.output("losetup", "--find", "--show", "--direct-io=on", image) // else twice in the page cache
	_, err := exec.Command("mount", "-o", "noinit_itable", device, point).Output()
	b.output("losetup", "--detach", device) // once it is unmounted
	if err != nil {
		remove()
		check(fmt.Errorf("mount %s: %w", device, err))
	}
	return point, func() {
		if err := unix.Unmount(point, 0); err != nil {
			note("unmount %s: %v", point, err)
			return // removing what is in it would not remove the disk
		}
		remove()
	}
}

// diskPossible returns why no disk can be made.
func diskPossible() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("only root can mount a disk made for the bench")
	}
	for _, name := range []string{"mkfs.ext4", "losetup", "mount"} {
		if _, err := exec.LookPath(name); err != nil {
			return err
		}
	}
	_, err := os.Stat("/dev/loop-control")
	return err
}
