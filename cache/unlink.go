package cache

import (
	"errors"
	"io/fs"
	"log/slog"

	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// unlink removes the file of a name, if it has this inode (0: any), and
// forgets it. It returns an error if there was nothing to remove or it failed;
// in either case the object can't be had afterwards, unless another one took
// its place (errRaced) or is about to (index.ErrBusy).
func (st *store) unlink(si uint8, n seal.Name, ino uint64) error {
	err := st.remove(si, n, ino)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errRaced) && !errors.Is(err, index.ErrBusy) {
		st.disk.Fault(err, false)
	}
	return err
}

// remove is unlink, but a failure is no reason to suspect the disk.
func (st *store) remove(si uint8, n seal.Name, ino uint64) error {
	e, known, err := st.index.Claim(n, index.ErasePatience)
	if err != nil {
		return err
	}
	defer st.index.Unclaim(n)
	defer st.recent.Forget(n) // at the end: an open that is under way may remember it once more
	if known && ino != 0 && e.Inode != ino {
		return errRaced
	}
	path := st.secrets[si].Path(n)
	if ino != 0 {
		info, err := st.dir.Lstat(path)
		if err == nil && inode(info) != ino {
			return errRaced
		}
	}
	err = st.dir.Remove(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		st.index.Lose(n)
		return err
	}
	st.index.Drop(n)
	return err
}

// erase is unlink, and makes sure that a power cut does not bring the file back.
func (st *store) erase(si uint8, n seal.Name, ino uint64) error {
	if err := st.unlink(si, n, ino); err != nil {
		return err
	}
	return st.dir.Sync(st.secrets[si].Shard(n))
}

// discard deletes a damaged object. Only the first to notice succeeds, and
// counts and tells it. Without its key, k is "".
func (st *store) discard(si uint8, n seal.Name, k Key, ino uint64, why error) error {
	if err := st.unlink(si, n, ino); err != nil {
		return err
	}
	st.counts.damaged.Add(1)
	st.log.Warn("cache: damaged object deleted", slog.String("object", n.String()), slog.Any("error", why))
	if st.told != nil {
		st.told(n.String(), k, why)
	}
	return nil
}

// removeLost tries again to remove files that could not be removed.
func (st *store) removeLost() {
	for n, e := range st.index.Lost() {
		// An object that was committed meanwhile took the place of the lost one.
		if st.remove(e.Secret, n, e.Inode) == nil {
			_ = st.dir.Sync(st.secrets[e.Secret].Shard(n))
		}
	}
}
