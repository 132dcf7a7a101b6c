package cache

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/cache/age"
	"veriffs/cache/directory"
	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// load fills the index from the directory, unless it is loaded.
func (st *store) load(ctx context.Context, now time.Time) error {
	if !st.index.State().Loading {
		return nil
	}
	if err := st.foreign.count(ctx); err != nil {
		return err
	}
	found := index.NewFound()
	err := st.walk(ctx, func(f index.Object, size int64) (bool, error) {
		if size < seal.HeaderSize {
			st.discard(f.Secret, f.Name, "", f.Inode, seal.ErrSeal)
		} else {
			found.Add(f)
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	// What was used in the future, by a wrong clock, is the first to go.
	future := now.Add(age.ClockStep).Unix()
	st.index.Load(found, func(e index.Entry) int64 {
		if e.Used > future {
			return e.Used - math.MaxInt64
		}
		return e.Used
	})
	// The limit may be lower than it was.
	if err := st.reserve(0); !errors.Is(err, errNoRoom) {
		return err
	}
	return nil
}

// walk calls visit with every object, and its file's size. The directories in
// which visit erased one are synced at the end, whatever that is. Files that
// are no objects are removed where only objects belong.
func (st *store) walk(ctx context.Context, visit func(f index.Object, size int64) (erased bool, err error)) error {
	for i, secret := range st.secrets {
		dirty := map[string]bool{}
		tag := secret.Dir()
		st.measure(tag)
		err := st.dir.Secret(tag).Walk(ctx, func(dir, name string, s *unix.Stat_t) error {
			if dir == tag {
				if !directory.IsShard(name) {
					return fs.SkipDir
				}
				st.index.SetDir(dir+"/"+name, 0, s.Blocks*512)
				return nil
			}
			n, ok := seal.ParseName(name)
			if !ok || dir[len(tag)+1:] != name[:2] || !isKind(s, unix.S_IFREG) {
				return st.dir.RemoveAll(dir + "/" + name)
			}
			erased, err := visit(index.Object{Name: n, Entry: entryOf(st.dir, s, uint8(i))}, s.Size)
			if erased {
				dirty[dir] = true
			}
			return err
		})
		for dir := range dirty {
			err = errors.Join(err, st.dir.Sync(dir))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
