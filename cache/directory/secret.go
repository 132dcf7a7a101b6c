package directory

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// SecretDir is the directory of one secret in the cache's directory, configured or
// not. It need not be there.
type SecretDir struct {
	d   *Directory
	tag string
}

// Secret returns the directory of the secret with this tag.
func (d *Directory) Secret(tag string) SecretDir { return SecretDir{d, tag} }

// Walk calls visit with everything in the directory of the secret and, unless
// visit returns fs.SkipDir, in the directories in it. dir is where name is.
func (s SecretDir) Walk(ctx context.Context, visit func(dir, name string, st *unix.Stat_t) error) error {
	return s.d.Each(ctx, s.tag, func(name string, st *unix.Stat_t) error {
		err := visit(s.tag, name, st)
		if errors.Is(err, fs.SkipDir) {
			return nil
		}
		if err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			return err
		}
		dir := s.tag + "/" + name
		return s.d.Each(ctx, dir, func(name string, st *unix.Stat_t) error { return visit(dir, name, st) })
	})
}

// Usage is what a directory takes with all that is in it.
type Usage struct{ Objects, Bytes int64 }

// Survey counts the objects by their files alone, and the blocks of everything. A
// directory that is gone has none.
func (s SecretDir) Survey(ctx context.Context) (u Usage, err error) {
	u.Bytes, _ = s.d.Use(s.tag)
	err = s.Walk(ctx, func(dir, name string, st *unix.Stat_t) error {
		u.Bytes += st.Blocks * 512
		if s.isObject(dir, name, st) {
			u.Objects++
		}
		return nil
	})
	if err != nil {
		return u, err
	}
	if _, err := s.d.Lstat(s.tag); errors.Is(err, fs.ErrNotExist) {
		return Usage{}, nil // removed while we counted
	}
	return u, nil
}

// Clear removes the directory with all that is in it, and calls removed with each
// object. It ends with ctx.
func (s SecretDir) Clear(ctx context.Context, removed func(name string, st *unix.Stat_t)) error {
	err := s.Walk(ctx, func(dir, name string, st *unix.Stat_t) error {
		if !s.isObject(dir, name, st) {
			return nil
		}
		err := s.d.RemoveAll(dir + "/" + name)
		if err == nil {
			removed(name, st)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.d.RemoveAll(s.tag)
}

// isObject is true for everything but directories of objects, pins, holds, and what
// the Finder leaves.
func (s SecretDir) isObject(dir, name string, st *unix.Stat_t) bool {
	return name != FinderFile && dir != s.PinDir() && dir != s.tag+"/"+HoldDir && (dir != s.tag || st.Mode&unix.S_IFMT != unix.S_IFDIR)
}
