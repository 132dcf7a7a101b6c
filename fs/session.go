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

// sessionDir is sessions/<sessionId>/: the media of the newest attempt.
type sessionDir struct {
	fusefs.Inode
	*tree
	id     veriff.SessionID
	listed atomic.Pointer[library.Listing] // the listing that the kernel may have cached
}

var (
	_ fusefs.NodeGetattrer      = (*sessionDir)(nil)
	_ fusefs.NodeLookuper       = (*sessionDir)(nil)
	_ fusefs.NodeOpendirHandler = (*sessionDir)(nil)
)

// Getattr answers from memory: looking at a session does not ask for it.
func (d *sessionDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.sessionAttr(&out.Attr, d.id)
	return 0
}

// Lookup answers from any listing that has the name, and says that a name is
// absent only from one that is up to date.
func (d *sessionDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if !library.PossibleName(name) {
		return nil, syscall.ENOENT // for long: see impossibleNames
	}
	ctx, done := untilKilled(ctx)
	defer done()
	file, err := d.lib.Find(ctx, d.id, name)
	if err != nil {
		return nil, uncached(out, d.fail(err, "lookup", slog.String("file", d.id.String()+"/"+name)))
	}
	if d.lib.Size(file) == library.UnknownSize {
		// The first look at a file whose size the list does not give.
		if err := d.lib.Fetch(ctx, file); err != nil {
			return nil, uncached(out, d.fail(err, "stat", slog.String("media", file.ID.String())))
		}
	}
	return d.child(ctx, file, out)
}

// child returns the node of a file whose size is known.
func (d *sessionDir) child(ctx context.Context, file *library.File, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	d.mediaAttr(&out.Attr, file)
	if known := d.GetChild(file.Name()); known != nil {
		return known, 0
	}
	return d.NewInode(ctx, d.newMediaFile(file), mediaAttr(file.ID)), 0
}

// OpendirHandle waits for the listing, at most two requests, and takes a
// snapshot of it.
func (d *sessionDir) OpendirHandle(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	ctx, done := untilKilled(ctx)
	defer done()
	list, err := d.lib.Enter(ctx, d.id)
	if err != nil {
		return nil, 0, d.fail(err, "list", slog.String("session", d.id.String()))
	}
	handle := &directory{
		self: sessionAttr(d.id).Ino, parent: sessionsIno, entries: len(list.Files),
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

// sessionAttr fills in the attributes of a session's directory.
func (t *tree) sessionAttr(a *fuse.Attr, id veriff.SessionID) {
	t.dirAttr(a, t.lib.Created(id), 0)
	a.Ino = sessionAttr(id).Ino
}
