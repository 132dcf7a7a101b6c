package cache

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// SweepForeign removes, in the background, the objects of all secrets that are
// not configured. Nobody can tell a secret that was replaced from one that was
// mistyped this time, so call it only after a reply was verified that is signed
// with a configured secret. It proves one secret alone: where several are
// configured, nothing is removed unless each of them had sealed something here
// before Open.
func (c *Cache) SweepForeign() {
	c.proven.Store(true)
	c.nudge()
}

// foreignTags lists the directories of secrets that are not configured.
func (c *Cache) foreignTags(d *directory) ([]string, error) {
	names, err := d.names(".")
	return slices.DeleteFunc(names, func(t string) bool { return !isHex(t, 16) || c.ours(t) }), err
}

// ours reports whether tag is the directory of a configured secret.
func (c *Cache) ours(tag string) bool {
	return slices.ContainsFunc(c.secrets, func(s *secret) bool { return s.dir == tag })
}

// uncertain reports whether one of several secrets may be mistyped: nothing
// here was sealed with it.
func (c *Cache) uncertain(d *directory) bool {
	return len(c.secrets) > 1 && slices.ContainsFunc(c.secrets, func(s *secret) bool {
		_, err := d.root.Lstat(s.dir)
		return err != nil
	})
}

// countForeign counts what other secrets left, which takes room like all else.
func (c *Cache) countForeign(d *directory) error {
	tags, err := c.foreignTags(d)
	if err != nil {
		return err
	}
	var all int64
	for _, t := range tags {
		n, err := c.survey(d, t, nil)
		if err != nil {
			return err
		}
		all += n
	}
	if all > 0 {
		c.log.Warn("cache: objects of secrets that are not configured take room; they go once the API has accepted the secret",
			slog.Int64("objects", all))
	}
	return nil
}

// survey counts the objects in the directory of a foreign secret, and the
// blocks of everything below it for the bound. visit, if any, is called with each.
func (c *Cache) survey(d *directory, tag string, visit func(rel, name string, st *unix.Stat_t) error) (objects int64, err error) {
	var blocks int64
	count := func(rel, name string, st *unix.Stat_t) error {
		if name == finderFile {
			return nil
		}
		objects++
		if visit == nil {
			return nil
		}
		return visit(rel, name, st)
	}
	if info, err := d.root.Lstat(tag); err == nil {
		blocks = diskUse(info)
	}
	err = c.eachFile(d, tag, func(s string, st *unix.Stat_t) error {
		blocks += st.Blocks * 512
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			return count(tag+"/"+s, s, st)
		}
		dir := tag + "/" + s
		return c.eachFile(d, dir, func(name string, st *unix.Stat_t) error {
			blocks += st.Blocks * 512
			if s == pinDir {
				return nil
			}
			return count(dir+"/"+name, name, st)
		})
	})
	if err != nil {
		return objects, err
	}
	c.index.setForeign(tag, objects, blocks)
	if _, err := d.root.Lstat(tag); errors.Is(err, fs.ErrNotExist) {
		c.index.setForeign(tag, 0, 0) // removed while we counted
	}
	return objects, nil
}

// eachFile calls visit with everything in a directory; one that is gone, or goes
// meanwhile, is empty.
func (c *Cache) eachFile(d *directory, rel string, visit func(name string, st *unix.Stat_t) error) error {
	dir, err := d.root.Open(rel)
	var names []string
	if err == nil {
		defer dir.Close()
		names, err = dir.Readdirnames(-1)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	fd := int(dir.Fd())
	for _, s := range names {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		var st unix.Stat_t
		err := unix.Fstatat(fd, s, &st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return &fs.PathError{Op: "fstatat", Path: rel + "/" + s, Err: err}
		}
		if err := visit(s, &st); err != nil {
			return err
		}
	}
	return nil
}

// sweepForeign removes what SweepForeign was asked to. A failure leaves the
// rest for the next time: it says nothing about our own objects.
func (c *Cache) sweepForeign() {
	if !c.proven.Load() {
		return
	}
	d := c.dir.Load()
	tags, err := c.foreignTags(d)
	if err == nil && len(tags) == 0 {
		return
	}
	if c.unsure {
		c.proven.Store(false) // say it once
		c.log.Warn("cache: objects of secrets that are not configured are kept: nothing here was sealed with one of the configured secrets, which may be mistyped")
		return
	}
	for _, t := range tags {
		err = errors.Join(err, c.removeForeign(d, t))
	}
	if err == nil {
		err = d.sync(".")
	}
	switch {
	case c.ctx.Err() != nil:
	case err != nil:
		c.log.Warn("cache: objects of secrets that are not configured can't be removed", slog.Any("err", err))
	default:
		c.log.Info("cache: objects of secrets that are not configured any more removed", slog.Int("secrets", len(tags)))
	}
}

// removeForeign removes a foreign secret's directory. Close ends it in between.
func (c *Cache) removeForeign(d *directory, tag string) error {
	err := d.eachShard(tag, func(rel string) error {
		if rel == tag || c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		return d.root.RemoveAll(rel)
	})
	if err == nil {
		err = d.root.RemoveAll(tag)
	}
	_, counted := c.survey(d, tag, nil)
	return errors.Join(err, counted)
}

// purgeForeign counts what a purge can't read, or with all erases it.
func (c *Cache) purgeForeign(ctx context.Context, d *directory, r *Report, all bool) error {
	tags, err := c.foreignTags(d)
	if err != nil {
		return err
	}
	for _, t := range tags {
		n, err := c.survey(d, t, func(rel, name string, st *unix.Stat_t) error {
			if err := ctx.Err(); err != nil || !all {
				return err
			}
			if err := d.root.RemoveAll(rel); err != nil {
				return err
			}
			bytes := st.Blocks * 512
			r.Erased = append(r.Erased, Erased{Hash: name, Bytes: bytes, Stored: time.Unix(int64(st.Mtim.Sec), 0)})
			r.Bytes += bytes
			return nil
		})
		if err != nil {
			return err
		}
		if !all {
			r.Unreadable += n
			continue
		}
		r.Remaining += n
		if err := c.removeForeign(d, t); err != nil {
			return err
		}
	}
	if !all || len(tags) == 0 {
		return nil
	}
	return d.sync(".")
}

// countObjects counts the files of objects in the directory of any cache,
// which another process may be using.
func countObjects(dir string) (n int64, err error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer root.Close()
	d := &directory{path: dir, root: root}
	err = d.eachShard("", func(rel string) error {
		if !strings.Contains(rel, "/") {
			return nil
		}
		names, err := d.names(rel)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		n += int64(len(names))
		return err
	})
	return n, err
}

// unknown lists what lies in the directory and is not the cache's: nothing
// that it did not make is ever looked into or removed.
func (c *Cache) unknown(d *directory) ([]string, error) {
	list := []string{}
	names, err := d.names(".")
	if err != nil {
		return list, err
	}
	for _, n := range names {
		switch n {
		case formatFile, lockFile, tagFile, spotlight, tempDir, finderFile:
			continue
		}
		if !isHex(n, 16) {
			list = append(list, n)
		}
	}
	for _, s := range c.secrets {
		names, err := d.names(s.dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return list, err
		}
		for _, n := range names {
			if n != pinDir && n != finderFile && !isHex(n, 2) {
				list = append(list, s.dir+"/"+n)
			}
		}
	}
	return list, nil
}
