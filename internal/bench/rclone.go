//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
)

// noRclone is what the table says instead of a comparison.
const noRclone = "not measured: no rclone on the PATH (make bench-rclone installs it)"

// hasRclone reports whether there is an rclone to compare with.
func (b *bench) hasRclone() bool {
	_, err := exec.LookPath(b.rclone)
	return err == nil
}

// mountRclone mounts the walked set, served as a tree of HTML indexes, by rclone.
func (b *bench) mountRclone(s *standin) *child {
	dir := must(os.MkdirTemp(b.dir, "rclone-"))
	point := filepath.Join(dir, "mnt")
	check(os.Mkdir(point, 0o700))
	m := new(child)
	m.start(exec.Command(b.rclone, "mount", ":http:", point, "--http-url", s.Index, "--read-only",
		"--vfs-cache-mode", "full", "--cache-dir", filepath.Join(dir, "cache"), "--dir-cache-time", "1h",
		"--config", "/dev/null"))
	m.awaitMount(b.ctx, point)
	return m
}
