package fs

import (
	"context"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
)

// mediaDir is sessions/<sessionId>/, with the media of the newest attempt, or
// attempts/<attemptId>/.
type mediaDir struct {
	fusefs.Inode
	*tree
	of     mediaSource
	parent uint64                          // inode number
	listed atomic.Pointer[library.Listing] // the listing that the kernel may have cached
}

// mediaSource is a session or an attempt. list and find may ask the API, the
// others answer from memory.
type mediaSource interface {
	list(context.Context) (*library.Listing, error)
	find(ctx context.Context, name string) (*library.File, error)
	created() time.Time
	identity() fusefs.StableAttr
	logged() slog.Attr
}

var (
	_ fusefs.NodeGetattrer      = (*mediaDir)(nil)
	_ fusefs.NodeLookuper       = (*mediaDir)(nil)
	_ fusefs.NodeOpendirHandler = (*mediaDir)(nil)
	_ fusefs.NodeStatfser       = (*mediaDir)(nil)
)

// Getattr answers from memory: looking at a session does not ask for it.
func (d *mediaDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.dirAttr(&out.Attr, d.of.created(), 0)
	out.Ino = d.of.identity().Ino
	return 0
}

// Lookup answers from any listing that has the name, and says that a name is
// absent only from one that is up to date.
func (d *mediaDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if !library.PossibleName(name) {
		return nil, syscall.ENOENT // for long: see impossibleNames
	}
	d.interest.looks(ctx)
	ctx, done := untilKilled(ctx)
	defer done()
	file, err := d.of.find(ctx, name)
	if err != nil {
		return nil, uncached(out, d.fail(err, "lookup", d.of.logged(), slog.String("file", name)))
	}
	if d.lib.Size(file) == library.UnknownSize {
		// The first look at a file whose size the list does not give.
		if err := d.lib.Fetch(ctx, file); err != nil {
			return nil, uncached(out, d.fail(err, "stat", slog.String("media", file.ID.String())))
		}
	}
	return d.child(ctx, file, out)
}

// child returns the node of a file whose size is known. It is the same node
// in whichever directory the file is found.
func (d *mediaDir) child(ctx context.Context, file *library.File, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	d.mediaAttr(&out.Attr, file)
	name := file.Name()
	if known := d.GetChild(name); known != nil {
		return known, 0
	}
	for _, dir := range []*fusefs.Inode{
		d.sessions.GetChild(file.In.Session.String()), d.attempts.GetChild(file.In.Attempt.String()),
	} {
		if dir == nil {
			continue
		}
		if known := dir.GetChild(name); known != nil && known.StableAttr() == mediaAttr(file.ID) {
			return known, 0
		}
	}
	return d.NewInode(ctx, d.newMediaFile(file), mediaAttr(file.ID)), 0
}

// OpendirHandle waits for the listing, at most two requests, and takes a
// snapshot of it.
func (d *mediaDir) OpendirHandle(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	ctx, done := untilKilled(ctx)
	defer done()
	list, err := d.of.list(ctx)
	if err != nil {
		return nil, 0, d.fail(err, "list", d.of.logged())
	}
	handle := &directory{
		self: d.of.identity().Ino, parent: d.parent, entries: len(list.Files),
		names: !d.interest.lists(ctx) && len(list.Files) <= namesMost,
		entry: func(i int) fuse.DirEntry {
			f := &list.Files[i]
			return fuse.DirEntry{Name: f.Name(), Mode: syscall.S_IFREG, Ino: mediaAttr(f.ID).Ino}
		},
		look: func(ctx context.Context, i int, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
			f := &list.Files[i]
			if d.lib.Size(f) == library.UnknownSize {
				return nil, syscall.EAGAIN // the name without attributes: stat will look it up
			}
			return d.child(ctx, f, out)
		},
	}
	if d.listed.Swap(list) != list {
		return handle, 0, 0
	}
	return handle, fuse.FOPEN_CACHE_DIR, 0
}
