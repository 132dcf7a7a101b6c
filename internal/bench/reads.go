//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// copyBuffer is what cp and cat read by.
const copyBuffer = 128 << 10

// contenders are the same files in the ways that they can be read, each a
// directory of sessions.
type contenders struct {
	mount *mount
	// The plain files, and bare file systems over them.
	ext4            string
	onTmpfs, onExt4 *bare

	video, small string // paths below each
	videoSession string
	files        []string // of the walked sessions
}

// reads measures files that are cached.
func (b *bench) reads(ctx context.Context) (err error) {
	s, err := startStandin(ctx, spec{Walk: true})
	if err != nil {
		return err
	}
	defer s.stop()
	walked, video := s.set()
	c := &contenders{videoSession: video.ID.String()}
	if c.mount, err = b.mount(ctx, s, "reads", append(walked, video)); err != nil {
		return err
	}
	defer c.mount.stop()
	if err := c.prepare(ctx, b); err != nil {
		return err
	}
	defer c.onTmpfs.stop()
	defer c.onExt4.stop()
	c.mount.profileFromHere()
	for _, measure := range []func(*bench, context.Context, *contenders) error{
		(*bench).warmSequential, (*bench).warmRandom, (*bench).openReadClose,
		(*bench).coldPages, (*bench).again,
	} {
		if err := measure(b, ctx, c); err != nil {
			return err
		}
	}
	if err := s.delay(barLatency); err != nil {
		return err
	}
	if err := b.rcloneAgain(ctx, c, s); err != nil {
		return err
	}
	return c.mount.end()
}

// prepare fills the cache and makes the plain copies from it.
func (c *contenders) prepare(ctx context.Context, b *bench) (err error) {
	note("filling the cache")
	c.ext4 = filepath.Join(b.dir, "plain")
	tmpfs := filepath.Join(b.memory, "plain")
	for _, to := range []string{c.ext4, tmpfs} {
		if _, _, err := timed(ctx, "cp", "-r", c.mount.sessions, to); err != nil {
			return err
		}
	}
	unix.Sync() // what is dirty can't be dropped
	err = filepath.WalkDir(c.ext4, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(c.ext4, path)
		switch {
		case info.Size() == videoSize:
			c.video = rel
		default:
			c.files = append(c.files, rel)
			if info.Size() == smallSize {
				c.small = rel
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.video == "" || c.small == "" || len(c.files) != walkSessions*len(sessionFiles) {
		return fmt.Errorf("the copy has %d files", len(c.files))
	}
	if c.onTmpfs, err = b.mountBare(ctx, tmpfs); err != nil {
		return err
	}
	if c.onExt4, err = b.mountBare(ctx, c.ext4); err != nil {
		return errors.Join(err, c.onTmpfs.stop())
	}
	return nil
}

// sequential reads files whole, one after the other.
func sequential(dir string, files ...string) func() (time.Duration, error) {
	buffer := make([]byte, copyBuffer)
	return func() (time.Duration, error) {
		start := time.Now()
		for _, name := range files {
			f, err := os.Open(filepath.Join(dir, name))
			if err != nil {
				return 0, err
			}
			for err == nil {
				_, err = f.Read(buffer)
			}
			f.Close()
			if err != io.EOF {
				return 0, err
			}
		}
		return time.Since(start), nil
	}
}

// random reads 4 KiB at random places of a file, n times.
func random(path string, n int) func() (time.Duration, error) {
	source := rand.New(rand.NewPCG(3, 4))
	buffer := make([]byte, 4096)
	return func() (time.Duration, error) {
		f, err := os.Open(path)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		// Without this the kernel would read more than it is asked for.
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM); err != nil {
			return 0, err
		}
		start := time.Now()
		for range n {
			if _, err := f.ReadAt(buffer, source.Int64N(videoSize/4096)*4096); err != nil {
				return 0, err
			}
		}
		return time.Since(start), nil
	}
}

// warm reads a file whole from the page cache. FUSE fills that page by page, and
// how fast it is read depends on where in the machine's memory the pages happen
// to lie, by half: so the file comes in anew each round.
func warm(dir, name string) func() (time.Duration, error) {
	read := sequential(dir, name)
	return func() (time.Duration, error) {
		if err := dropPages(filepath.Join(dir, name)); err != nil {
			return 0, err
		}
		for range 4 { // the first ones move the pages about the kernel's lists
			if _, err := read(); err != nil {
				return 0, err
			}
		}
		return read()
	}
}

// turns is how many rounds the short measures take.
func (b *bench) turns() int {
	if b.quick {
		return 3
	}
	return 15
}

// perSecond shows how fast bytes came.
func perSecond(bytes int64, d time.Duration) string {
	return fmt.Sprintf("%.2f GB/s", float64(bytes)/1e9/d.Seconds())
}

func (b *bench) warmSequential(_ context.Context, c *contenders) error {
	times, err := inTurns(b.turns(),
		warm(c.mount.sessions, c.video), warm(c.onTmpfs.point, c.video), warm(c.ext4, c.video), warm(c.onExt4.point, c.video))
	if err != nil {
		return err
	}
	b.table.atLeast("warm sequential read, page cache, of the bare go-fuse on tmpfs", float64(times.median(1))/float64(times.median(0)), 0.95, "",
		"medians: %s to %s; the bare go-fuse on ext4 %s; ext4 %s", perSecond(videoSize, times.median(0)), perSecond(videoSize, times.median(1)),
		perSecond(videoSize, times.median(3)), perSecond(videoSize, times.median(2)))
	return nil
}

func (b *bench) warmRandom(_ context.Context, c *contenders) error {
	const n = 50_000
	times, err := inTurns(b.turns(),
		random(filepath.Join(c.mount.sessions, c.video), n),
		random(filepath.Join(c.onTmpfs.point, c.video), n),
		random(filepath.Join(c.ext4, c.video), n))
	if err != nil {
		return err
	}
	rate := func(i int) float64 { return n / times.best(i).Seconds() / 1000 }
	b.table.atLeast("warm random 4 KiB reads, page cache, of ext4", times.ratio(2, 0), 0.9, "",
		"%.0f to %.0f thousand/s; bare go-fuse %.0f", rate(0), rate(2), rate(1))
	return nil
}

func (b *bench) openReadClose(_ context.Context, c *contenders) error {
	const n = 1000
	again := func(path string) func() (time.Duration, error) {
		buffer := make([]byte, smallSize+1)
		return func() (time.Duration, error) {
			start := time.Now()
			for range n {
				f, err := os.Open(path)
				if err != nil {
					return 0, err
				}
				read, err := f.Read(buffer)
				f.Close()
				if err != nil || read != smallSize {
					return 0, fmt.Errorf("%s: %d bytes, %w", path, read, err)
				}
			}
			return time.Since(start), nil
		}
	}
	times, err := inTurns(b.turns(),
		again(filepath.Join(c.mount.sessions, c.small)), again(filepath.Join(c.onTmpfs.point, c.small)), again(filepath.Join(c.ext4, c.small)))
	if err != nil {
		return err
	}
	b.table.atMost("open, read and close of a small cached file, times the bare go-fuse", times.ratio(0, 1), 1.3, " ×",
		"%s to %s; ext4 %s", seconds(times.best(0)/n), seconds(times.best(1)/n), seconds(times.best(2)/n))

	times, err = inTurns(b.turns(), sequential(c.mount.sessions, c.files...), sequential(c.onTmpfs.point, c.files...))
	if err != nil {
		return err
	}
	b.table.info("all 900 files once more, page cache, times the bare go-fuse", "%.2f × (%s to %s)", times.ratio(0, 1), seconds(times.best(0)), seconds(times.best(1)))
	return nil
}

// dropPages empties the page cache of a file.
func dropPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// dropTree empties it of all files below a directory.
func dropTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		return dropPages(path)
	})
}

// coldPages reads what is on the disk and not in memory.
func (b *bench) coldPages(_ context.Context, c *contenders) error {
	after := func(do func() (time.Duration, error), dirs ...string) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			for _, dir := range dirs {
				if err := dropTree(dir); err != nil {
					return 0, err
				}
			}
			return do()
		}
	}
	video := func(dir string) string { return filepath.Join(dir, c.videoSession) }
	measure := func(rounds int, do func(dir string) func() (time.Duration, error)) (series, error) {
		return inTurns(rounds,
			after(do(c.mount.sessions), video(c.mount.sessions), c.mount.cache),
			after(do(c.onExt4.point), video(c.onExt4.point), video(c.ext4)),
			after(do(c.ext4), video(c.ext4)))
	}
	times, err := measure(b.turns(), func(dir string) func() (time.Duration, error) { return sequential(dir, c.video) })
	if err != nil {
		return err
	}
	b.table.atLeast("cached object read with the page cache dropped, of the bare go-fuse on ext4 likewise", times.ratio(1, 0), 0.6, "",
		"%s to %s; ext4 %s", perSecond(videoSize, times.best(0)), perSecond(videoSize, times.best(1)), perSecond(videoSize, times.best(2)))

	const n = 2000
	times, err = measure(b.turns()/2+1, func(dir string) func() (time.Duration, error) { return random(filepath.Join(dir, c.video), n) })
	if err != nil {
		return err
	}
	rate := func(i int) float64 { return n / times.best(i).Seconds() / 1000 }
	b.table.info("the same, random 4 KiB", "%.2f (%.1f to %.1f thousand/s; ext4 %.1f)", times.ratio(1, 0), rate(0), rate(1), rate(2))

	times, err = inTurns(3,
		after(sequential(c.mount.sessions, c.files...), c.mount.sessions, c.mount.cache),
		after(sequential(c.onExt4.point, c.files...), c.onExt4.point, c.ext4),
		after(sequential(c.ext4, c.files...), c.ext4))
	if err != nil {
		return err
	}
	b.table.info("the same, all 900 files", "%.2f (%s to %s; ext4 %s)", times.ratio(1, 0), seconds(times.best(0)), seconds(times.best(1)), seconds(times.best(2)))
	return nil
}
