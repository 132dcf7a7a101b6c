package directory

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Names lists what is in the directory rel.
func (d *Directory) Names(rel string) ([]string, error) {
	f, err := d.Open(rel)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// Tags lists the directories of secrets, configured or not.
func (d *Directory) Tags() ([]string, error) {
	names, err := d.Names(".")
	return slices.DeleteFunc(names, func(name string) bool { return !IsTag(name) }), err
}

// Unknown lists what is not the cache's: at the top, and in the directories
// of the secrets whose tags are given.
func (d *Directory) Unknown(tags []string) ([]string, error) {
	unknown := []string{}
	names, err := d.Names(".")
	if err != nil {
		return unknown, err
	}
	for _, name := range names {
		switch name {
		case formatFile, lockFile, tagFile, spotlightFile, TempDir, FinderFile:
			continue
		}
		if !IsTag(name) {
			unknown = append(unknown, name)
		}
	}
	for _, tag := range tags {
		err := d.Each(context.Background(), tag, func(name string, st *unix.Stat_t) error {
			// What is no directory was not looked into, whatever its name.
			if dir := st.Mode&unix.S_IFMT == unix.S_IFDIR; name != FinderFile && !(dir && (name == PinDir || name == HoldDir || IsShard(name))) {
				unknown = append(unknown, tag+"/"+name)
			}
			return nil
		})
		if err != nil {
			return unknown, err
		}
	}
	return unknown, nil
}

// Each calls visit with everything in the directory rel, until it or ctx
// fails. A directory that is gone, or goes meanwhile, is empty.
func (d *Directory) Each(ctx context.Context, rel string, visit func(name string, st *unix.Stat_t) error) error {
	dir, err := d.Open(rel)
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
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var st unix.Stat_t
		err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return &fs.PathError{Op: "fstatat", Path: rel + "/" + name, Err: err}
		}
		if err := visit(name, &st); err != nil {
			return err
		}
	}
	return nil
}

// CountObjects counts the objects in the directory of any cache, which another
// process may be using.
func CountObjects(path string) (n int64, err error) {
	root, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer root.Close()
	d := &Directory{Root: root, path: path}
	tags, err := d.Tags()
	for _, tag := range tags {
		err = errors.Join(err, d.Each(context.Background(), tag, func(name string, _ *unix.Stat_t) error {
			if !IsShard(name) {
				return nil
			}
			objects, err := d.Names(tag + "/" + name)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			n += int64(len(objects))
			return err
		}))
	}
	return n, err
}
