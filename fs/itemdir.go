package fs

import (
	"context"
	"log/slog"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
	"veriffs/veriff"
)

// itemDir is the directory of one session or attempt in one of the collections.
type itemDir[ID id] struct {
	fusefs.Inode
	in     *collection[ID]
	id     ID
	cached atomic.Pointer[library.Listing] // the listing that the kernel may cache
}

// contents is what the directories of a collection hold: media files, links or
// documents. find and list may ask the API.
type contents[ID id] interface {
	// possible reports whether an entry can ever have this name.
	possible(name string) bool
	find(ctx context.Context, id ID, name string) (entry, error)
	// list returns the entries in name order, and the listing that they come
	// from. Without one the kernel caches no entries.
	list(ctx context.Context, id ID) (snapshot, *library.Listing, error)
}

var (
	_ fusefs.NodeGetattrer      = (*itemDir[veriff.SessionID])(nil)
	_ fusefs.NodeLookuper       = (*itemDir[veriff.SessionID])(nil)
	_ fusefs.NodeOpendirHandler = (*itemDir[veriff.SessionID])(nil)
	_ fusefs.NodeStatfser       = (*itemDir[veriff.SessionID])(nil)
)

// Getattr answers from memory: looking at a session does not ask for it.
func (d *itemDir[ID]) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.in.dirAttr(&out.Attr, d.in.created(d.id), 0)
	out.Ino = d.StableAttr().Ino
	return 0
}

// Statfs answers from memory.
func (d *itemDir[ID]) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return d.in.Statfs(ctx, out)
}

// Lookup waits until the entry and its attributes are known.
func (d *itemDir[ID]) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if !d.in.contents.possible(name) {
		return nil, syscall.ENOENT // cached: see impossibleNames
	}
	if errno := d.in.enter(ctx, d.in.kind, d.id.String()); errno != 0 {
		return nil, errno
	}
	d.in.interest.looks(ctx)
	ctx, done := untilKilled(ctx)
	defer done()
	e, err := d.in.contents.find(ctx, d.id, name)
	if err != nil {
		return nil, uncached(out, d.in.fail(err, "lookup", slog.String(d.in.kind, d.id.String()), slog.String("name", name)))
	}
	return e.look(ctx, &d.Inode, name, out)
}

// OpendirHandle waits for the listing and takes a snapshot of it. The kernel
// may keep the entries from one open to the next as long as the listing is the
// same.
func (d *itemDir[ID]) OpendirHandle(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if errno := d.in.enter(ctx, d.in.kind, d.id.String()); errno != 0 {
		return nil, 0, errno
	}
	wait, done := untilKilled(ctx)
	defer done()
	entries, from, err := d.in.contents.list(wait, d.id)
	if err != nil {
		return nil, 0, d.in.fail(err, "list", slog.String(d.in.kind, d.id.String()))
	}
	handle := &openDir{
		dir: &d.Inode, parent: d.in.ino, snapshot: entries,
		names: d.in.closed() || !d.in.interest.lists(ctx) && entries.count <= namesMost,
	}
	if d.cached.Swap(from) != from || from == nil {
		return handle, 0, 0
	}
	return handle, fuse.FOPEN_CACHE_DIR, 0
}
