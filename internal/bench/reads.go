//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/veriff/sandbox"
)

// contenders are the same files in the ways that they can be read, each a
// directory of sessions.
type contenders struct {
	*bench
	mount           *mount
	onTmpfs, onExt4 *bare
	ext4            string // the plain files

	video, small string // paths below each
	videoSession string
	files        []string // of the walked sessions
}

// contender returns the time that one contender takes, below its directory.
type contender = func(dir string) time.Duration

// in makes a contest of something done in several directories.
func (c *contenders) in(rounds int, do contender, dirs ...string) series {
	each := make([]func() time.Duration, len(dirs))
	for i, dir := range dirs {
		each[i] = func() time.Duration {
			check(c.ctx.Err()) // nothing else here would notice a signal
			return do(dir)
		}
	}
	return inTurns(rounds, each...)
}

// turns is how many rounds a short measure takes.
func (b *bench) turns(n, quick int) int {
	if b.quick {
		return quick
	}
	return n
}

// reads measures files that are cached.
func (b *bench) reads() {
	s := startStandin()
	defer s.stop()
	walked, video := s.set()
	c := &contenders{bench: b, mount: b.mount(s, "reads", append(walked, video)), videoSession: video.ID.String()}
	defer c.mount.end()
	c.copy(video)
	c.onTmpfs = b.mountBare(filepath.Join(b.memory, "plain"))
	defer c.onTmpfs.stop()
	c.onExt4 = b.mountBare(c.ext4)
	defer c.onExt4.stop()
	c.mount.profileFromHere()

	c.warmVideo()
	c.warmFiles()
	c.coldPages()
	c.lstat()
	s.delay(barLatency)
	c.rclone(s)
}

// copy fills the cache and makes plain copies from it.
func (c *contenders) copy(video sandbox.Session) {
	note("filling the cache")
	c.ext4 = filepath.Join(c.dir, "plain")
	for _, to := range []string{c.ext4, filepath.Join(c.bench.memory, "plain")} {
		c.timed("cp", "-r", c.mount.sessions, to)
	}
	unix.Sync() // dirty pages can't be dropped
	for _, path := range filesBelow(c.ext4) {
		switch must(os.Stat(filepath.Join(c.ext4, path))).Size() {
		case videoSize:
			c.video = path
			continue
		case smallSize:
			c.small = path
		}
		c.files = append(c.files, path)
	}
	if c.video == "" || c.small == "" || len(c.files) != walkFiles {
		check(fmt.Errorf("the copy has %d files", len(c.files)))
	}
}

// filesBelow returns the paths of the files below a directory.
func filesBelow(dir string) (paths []string) {
	check(fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

// sequential reads files whole, one after the other.
func sequential(files ...string) contender {
	buffer := make([]byte, 128<<10) // as cp and cat do
	return func(dir string) time.Duration {
		return elapsed(func() {
			for _, name := range files {
				f := must(os.Open(filepath.Join(dir, name)))
				var err error
				for err == nil {
					_, err = f.Read(buffer)
				}
				f.Close()
				if !errors.Is(err, io.EOF) {
					check(err)
				}
			}
		})
	}
}

// random reads 4 KiB at random places of a video, n times.
func random(video string, n int) contender {
	sources := map[string]*rand.Rand{} // one a directory, so that all read the same places
	buffer := make([]byte, 4096)
	return func(dir string) time.Duration {
		if sources[dir] == nil {
			sources[dir] = rand.New(rand.NewPCG(3, 4))
		}
		f := must(os.Open(filepath.Join(dir, video)))
		defer f.Close()
		// Otherwise the kernel would read more than it is asked for.
		check(unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM))
		return elapsed(func() {
			for range n {
				must(f.ReadAt(buffer, sources[dir].Int64N(videoSize/4096)*4096))
			}
		})
	}
}

// perSecond formats how fast the video came in a time.
func perSecond(d time.Duration) string { return fmt.Sprintf("%.2f GB/s", videoSize/1e9/d.Seconds()) }

// warmVideo reads the video from the page cache.
func (c *contenders) warmVideo() {
	ours, tmpfs, onExt4 := c.mount.sessions, c.onTmpfs.point, c.onExt4.point
	// FUSE fills the page cache page by page, and where in the machine's memory
	// these lie changes the speed of reading by half: so the file comes in anew
	// each round.
	read := sequential(c.video)
	times := c.in(c.turns(15, 3), func(dir string) time.Duration {
		dropPages(filepath.Join(dir, c.video))
		for range 4 { // the first reads move the pages about the kernel's lists
			read(dir)
		}
		return read(dir)
	}, ours, tmpfs, c.ext4, onExt4)
	speed := func(i int) string { return perSecond(times.median(i)) }
	c.table.atLeast("warm sequential read, page cache, of the bare go-fuse on tmpfs", float64(times.median(1))/float64(times.median(0)), 0.95, "",
		"medians: %s to %s; the bare go-fuse on ext4 %s; ext4 %s", speed(0), speed(1), speed(3), speed(2))

	const n = 50_000
	times = c.in(c.turns(15, 3), random(c.video, n), ours, tmpfs, c.ext4)
	c.table.atLeast("warm random 4 KiB reads, page cache, of ext4", times.ratio(2, 0), 0.9, "",
		"%.0f to %.0f thousand/s; bare go-fuse %.0f", times.rate(0, n), times.rate(2, n), times.rate(1, n))
}

// warmFiles opens and reads files that are in the page cache.
func (c *contenders) warmFiles() {
	ours, tmpfs := c.mount.sessions, c.onTmpfs.point
	const n = 1000
	buffer := make([]byte, smallSize+1)
	times := c.in(c.turns(15, 3), func(dir string) time.Duration {
		path := filepath.Join(dir, c.small)
		return elapsed(func() {
			for range n {
				f := must(os.Open(path))
				read := must(f.Read(buffer))
				f.Close()
				if read != smallSize {
					check(fmt.Errorf("%s: %d bytes", path, read))
				}
			}
		}) / n
	}, ours, tmpfs, c.ext4)
	c.table.atMost("open, read and close of a small cached file, times the bare go-fuse", times.ratio(0, 1), 1.08, " ×",
		"%s to %s; ext4 %s", times.show(0), times.show(1), times.show(2))

	times = c.in(c.turns(15, 3), sequential(c.files...), ours, tmpfs)
	c.table.atMost("all 900 files once more, page cache, times the bare go-fuse", times.ratio(0, 1), 1.15, " ×", "%s to %s", times.show(0), times.show(1))
}

// dropPages empties the page cache of files, and of all files below directories.
func dropPages(paths ...string) {
	for _, path := range paths {
		check(filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		}))
	}
}

// coldPages reads what is on the disk and not in memory.
func (c *contenders) coldPages() {
	// below is the part of the tree that is read, whose pages are dropped.
	cold := func(rounds int, below string, do contender) series {
		return c.in(rounds, func(dir string) time.Duration {
			drop := []string{filepath.Join(dir, below)}
			switch dir { // and what it stands on
			case c.mount.sessions:
				drop = append(drop, c.mount.cache)
			case c.onExt4.point:
				drop = append(drop, filepath.Join(c.ext4, below))
			}
			dropPages(drop...)
			return do(dir)
		}, c.mount.sessions, c.onExt4.point, c.ext4)
	}
	times := cold(c.turns(15, 3), c.videoSession, sequential(c.video))
	speed := func(i int) string { return perSecond(times.best(i)) }
	c.table.atLeast("cached object read with the page cache dropped, of the bare go-fuse on ext4 likewise", times.ratio(1, 0), 0.85, "",
		"%s to %s; ext4 %s", speed(0), speed(1), speed(2))

	const n = 2000
	times = cold(c.turns(8, 2), c.videoSession, random(c.video, n))
	c.table.atLeast("the same, random 4 KiB", times.ratio(1, 0), 0.95, "", "%.1f to %.1f thousand/s; ext4 %.1f", times.rate(0, n), times.rate(1, n), times.rate(2, n))

	times = cold(3, ".", sequential(c.files...))
	c.table.atLeast("the same, all 900 files", times.ratio(1, 0), 0.95, "", "%s to %s; ext4 %s", times.show(0), times.show(1), times.show(2))
}

// lstat measures what only looking costs, once all is known.
func (c *contenders) lstat() {
	const times = 20
	took := c.in(c.turns(15, 3), func(dir string) time.Duration {
		return elapsed(func() {
			for range times {
				for _, name := range c.files {
					must(os.Lstat(filepath.Join(dir, name)))
				}
			}
		})
	}, c.mount.sessions, c.onTmpfs.point, c.ext4)
	n := times * len(c.files)
	c.table.info("lstat of what the kernel knows", "%.0f thousand/s (bare go-fuse %.0f, ext4 %.0f)", took.rate(0, n), took.rate(1, n), took.rate(2, n))
}

// rclone reads all files a second time, beside rclone mount.
func (c *contenders) rclone(s *standin) {
	const measure = "`cat` of all 900 files a second time"
	cat := func(dir string, names []string) func() time.Duration {
		args := make([]string, len(names))
		for i, name := range names {
			args[i] = filepath.Join(dir, name)
		}
		return func() time.Duration { return c.timed("cat", args...) }
	}
	ours := cat(c.mount.sessions, c.files)
	ours()
	if !c.hasRclone() {
		c.table.info(measure, "%s", seconds(ours()))
		return
	}
	m := c.mountRclone(s)
	defer m.end()
	note("filling the cache of rclone")
	names := filesBelow(m.point)
	theirs := cat(m.point, names)
	theirs()
	before, rounds := c.mount.cpu(), c.rounds+2
	// cat itself costs something: it maps and unmaps a buffer for each file.
	times := inTurns(rounds, ours, theirs, cat(c.onTmpfs.backing, c.files))
	c.table.atLeast(measure+", times faster than rclone mount", times.ratio(1, 0), 10, " ×",
		"%s to %s; on tmpfs %s; %.1f s/GB of processor time in the mount", times.show(0), times.show(1), times.show(2),
		perGB(c.mount.cpu()-before)/float64(rounds))
	here, there := sequential(c.files...), sequential(names...)
	times = inTurns(rounds,
		func() time.Duration { return here(c.mount.sessions) },
		func() time.Duration { return there(m.point) })
	c.table.info("the same, by one process without cat's own cost", "%.1f × (%s to %s)", times.ratio(1, 0), times.show(0), times.show(1))
}
