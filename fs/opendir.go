package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// openDir is an open directory. It shows a snapshot, so that a listing that is
// read in pieces, rewound or sought is always of one moment.
type openDir struct {
	snapshot
	dir    *fusefs.Inode
	parent uint64 // inode number
	// names makes READDIRPLUS return names without attributes: see interest.
	names bool

	// go-fuse serialises the calls of one handle.
	next   int
	last   entry         // that Readdirent returned
	dirent fuse.DirEntry // of it
}

var (
	_ fusefs.FileReaddirenter = (*openDir)(nil)
	_ fusefs.FileSeekdirer    = (*openDir)(nil)
	_ fusefs.FileLookuper     = (*openDir)(nil)
)

// dots is how many entries come before those of the snapshot.
const dots = 2

// Readdirent returns the next entry, or nil at the end.
func (d *openDir) Readdirent(context.Context) (*fuse.DirEntry, syscall.Errno) {
	switch i := d.next; {
	case i == 0:
		d.dirent = fuse.DirEntry{Name: ".", Mode: syscall.S_IFDIR, Ino: d.dir.StableAttr().Ino}
	case i == 1:
		d.dirent = fuse.DirEntry{Name: "..", Mode: syscall.S_IFDIR, Ino: d.parent}
	case i < dots+d.count:
		d.last = d.at(i - dots)
		d.dirent = d.last.dirent()
	default:
		return nil, 0
	}
	d.next++
	d.dirent.Off = uint64(d.next)
	return &d.dirent, 0 // which go-fuse copies
}

// Seekdir goes to the offset of an earlier entry.
func (d *openDir) Seekdir(_ context.Context, off uint64) syscall.Errno {
	if off > uint64(dots+d.count) {
		return syscall.EINVAL
	}
	d.next = int(off)
	return 0
}

// Lookup serves READDIRPLUS for an entry that Readdirent returned. It must not
// wait: its caller asked for names and may never ask for attributes.
func (d *openDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if d.names {
		return nil, syscall.EAGAIN // the kernel then has the name alone
	}
	return d.last.look(ctx, d.dir, name, out) // wholeDirs repeats none
}
