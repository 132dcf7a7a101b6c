package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// directory is an open directory: a snapshot, so that a listing that is read
// in pieces, rewound or sought is always of one moment. Entries are made as
// they are asked for: a snapshot of a hundred thousand costs little.
type directory struct {
	self, parent uint64 // inode numbers, for . and ..
	entries      int
	entry        func(i int) fuse.DirEntry
	// look is a lookup that must not wait: it serves READDIRPLUS, whose
	// caller asked for names and may never ask for attributes.
	look func(ctx context.Context, i int, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno)
	// names has READDIRPLUS answer with names alone.
	names bool

	next int // go-fuse serialises the calls of one handle
}

var (
	_ fusefs.FileReaddirenter = (*directory)(nil)
	_ fusefs.FileSeekdirer    = (*directory)(nil)
	_ fusefs.FileLookuper     = (*directory)(nil)
)

// dots is how many entries stand before those of the snapshot.
const dots = 2

// Readdirent returns the next entry, or nil at the end.
func (d *directory) Readdirent(context.Context) (*fuse.DirEntry, syscall.Errno) {
	var e fuse.DirEntry
	switch i := d.next; {
	case i == 0:
		e = fuse.DirEntry{Name: ".", Mode: syscall.S_IFDIR, Ino: d.self}
	case i == 1:
		e = fuse.DirEntry{Name: "..", Mode: syscall.S_IFDIR, Ino: d.parent}
	case i < dots+d.entries:
		e = d.entry(i - dots)
	default:
		return nil, 0
	}
	d.next++
	e.Off = uint64(d.next)
	return &e, 0
}

// Seekdir goes to an offset that an earlier entry had.
func (d *directory) Seekdir(_ context.Context, off uint64) syscall.Errno {
	if off > uint64(dots+d.entries) {
		return syscall.EINVAL
	}
	d.next = int(off)
	return 0
}

// Lookup is for the entry that Readdirent returned last.
func (d *directory) Lookup(ctx context.Context, _ string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if d.names {
		return nil, syscall.EAGAIN // which the kernel takes for no answer
	}
	return d.look(ctx, d.next-1-dots, out)
}
