package directory

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Usage is what a directory takes, itself or with all that is in it.
type Usage struct{ Objects, Bytes int64 }

// Survey counts the objects in the directory of a secret by their files alone, and
// the blocks of everything below it. A directory that is gone has none.
func (d *Directory) Survey(ctx context.Context, tag string) (u Usage, err error) {
	u.Bytes, _ = d.Use(tag)
	err = d.Walk(ctx, tag, func(dir, name string, s *unix.Stat_t) error {
		u.Bytes += s.Blocks * 512
		if isObject(tag, dir, name, s) {
			u.Objects++
		}
		return nil
	})
	if err != nil {
		return u, err
	}
	if _, err := d.Lstat(tag); errors.Is(err, fs.ErrNotExist) {
		return Usage{}, nil // removed while we counted
	}
	return u, nil
}

// Clear removes the directory of a secret with all that is in it, and calls removed
// with each object. It ends with ctx.
func (d *Directory) Clear(ctx context.Context, tag string, removed func(name string, s *unix.Stat_t)) error {
	err := d.Walk(ctx, tag, func(dir, name string, s *unix.Stat_t) error {
		if !isObject(tag, dir, name, s) {
			return nil
		}
		err := d.RemoveAll(dir + "/" + name)
		if err == nil {
			removed(name, s)
		}
		return err
	})
	if err != nil {
		return err
	}
	return d.RemoveAll(tag)
}

// isObject is true for all that the directory of a secret holds, but for the
// directories in it, pins, and what the Finder leaves.
func isObject(tag, dir, name string, s *unix.Stat_t) bool {
	return name != FinderFile && dir != PinsOf(tag) && (dir != tag || s.Mode&unix.S_IFMT != unix.S_IFDIR)
}
