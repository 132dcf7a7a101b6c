//go:build linux

package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// again measures what only looking costs, once all is known.
func (b *bench) again(ctx context.Context, c *contenders) error {
	stat := func(dir string) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			start := time.Now()
			for range 20 {
				for _, name := range c.files {
					if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
						return 0, err
					}
				}
			}
			return time.Since(start), nil
		}
	}
	times, err := inTurns(b.turns(), stat(c.mount.sessions), stat(c.onTmpfs.point), stat(c.ext4))
	if err != nil {
		return err
	}
	rate := func(i int) float64 { return float64(20*len(c.files)) / times.best(i).Seconds() / 1000 }
	b.table.info("lstat of what the kernel knows", "%.0f thousand/s (bare go-fuse %.0f, ext4 %.0f)", rate(0), rate(1), rate(2))
	return nil
}

// catAll reads every file with one cat.
func catAll(ctx context.Context, dir string, names []string) func() (time.Duration, error) {
	args := make([]string, len(names))
	for i, name := range names {
		args[i] = filepath.Join(dir, name)
	}
	return func() (time.Duration, error) {
		elapsed, _, err := timed(ctx, "cat", args...)
		return elapsed, err
	}
}

func (b *bench) rcloneAgain(ctx context.Context, c *contenders, s *standin) error {
	ours := catAll(ctx, c.mount.sessions, c.files)
	if _, err := ours(); err != nil {
		return err
	}
	if !b.hasRclone() {
		elapsed, err := ours()
		b.table.info("`cat` of all 900 files a second time", "%s", seconds(elapsed))
		return err
	}
	m, err := b.mountRclone(ctx, s)
	if err != nil {
		return err
	}
	defer m.stop()
	note("filling the cache of rclone")
	var names []string
	err = filepath.WalkDir(m.point, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, strings.TrimPrefix(path, m.point+"/"))
		}
		return err
	})
	if err != nil {
		return err
	}
	theirs := catAll(ctx, m.point, names)
	if _, err := theirs(); err != nil {
		return err
	}
	before := c.mount.cpu()
	// What cat costs by itself: it maps and unmaps a buffer for each file.
	nobodys := catAll(ctx, c.onTmpfs.backing, c.files)
	times, err := inTurns(b.rounds+2, ours, theirs, nobodys)
	if err != nil {
		return err
	}
	b.table.atLeast("`cat` of all 900 files a second time, times faster than rclone mount", times.ratio(1, 0), 10, " ×",
		"%s to %s; on tmpfs %s; %.1f s/GB of processor time in the mount", seconds(times.best(0)), seconds(times.best(1)), seconds(times.best(2)),
		(c.mount.cpu()-before).Seconds()/(walkBytes/1e9*float64(b.rounds+2)))
	times, err = inTurns(b.rounds+2, sequential(c.mount.sessions, c.files...), sequential(m.point, names...))
	if err != nil {
		return err
	}
	b.table.info("the same, by one process without cat's own cost", "%.1f × (%s to %s)", times.ratio(1, 0), seconds(times.best(0)), seconds(times.best(1)))
	return m.end()
}
