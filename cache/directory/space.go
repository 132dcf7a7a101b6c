package directory

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Space is how large the directory's file system is and what of it is free for
// us, in bytes. A total of 0 means that it doesn't say.
func (d *Directory) Space() (total, free int64) {
	st := d.statfs()
	return int64(st.Blocks) * int64(st.Bsize), int64(st.Bavail) * int64(st.Bsize)
}

func (d *Directory) statfs() (st unix.Statfs_t) {
	if d.with(func(self int) error { return unix.Fstatfs(self, &st) }) != nil {
		return unix.Statfs_t{}
	}
	return st
}

// Use is how many bytes rel itself takes on disk, in whole blocks.
func (d *Directory) Use(rel string) (int64, error) {
	var st unix.Stat_t
	if err := d.with(func(self int) error { return unix.Fstatat(self, rel, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return 0, &fs.PathError{Op: "fstatat", Path: rel, Err: err}
	}
	return st.Blocks * 512, nil
}

// OnDisk is what a file of this size and number of 512-byte blocks will take
// on disk. A file system that allocates late may show fewer blocks than there
// will be, and the extents of a long file take a block of their own.
func (d *Directory) OnDisk(size, blocks int64) int64 {
	n := (size + d.block - 1) / d.block * d.block
	if size > 1<<20 {
		n += d.block
	}
	return max(n, blocks*512)
}
