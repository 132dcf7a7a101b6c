//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// rcloneMount is the same set mounted by rclone from a directory index.
type rcloneMount struct {
	child
	dir string
}

// hasRclone reports whether there is an rclone to compare with.
func (b *bench) hasRclone() bool {
	_, err := exec.LookPath(b.rclone)
	return err == nil
}

func (b *bench) mountRclone(ctx context.Context, s *standin) (*rcloneMount, error) {
	dir, err := os.MkdirTemp(b.dir, "rclone-")
	if err != nil {
		return nil, err
	}
	point := filepath.Join(dir, "mnt")
	if err := os.Mkdir(point, 0o700); err != nil {
		return nil, err
	}
	m := &rcloneMount{dir: dir}
	cmd := exec.Command(b.rclone, "mount", ":http:", point, "--http-url", s.Index, "--read-only",
		"--vfs-cache-mode", "full", "--cache-dir", filepath.Join(dir, "cache"), "--dir-cache-time", "1h",
		"--config", "/dev/null")
	if err := m.start(cmd); err != nil {
		return nil, err
	}
	if err := m.mounted(ctx, point); err != nil {
		_ = m.stop()
		return nil, err
	}
	return m, nil
}

func (m *rcloneMount) end() error {
	if err := m.stop(); err != nil {
		return err
	}
	return os.RemoveAll(m.dir)
}
