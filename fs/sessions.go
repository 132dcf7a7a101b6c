package fs

import (
	"context"
	"log/slog"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/veriff"
)

// sessionsDir is sessions/: one directory for each session known. Looking at
// it asks nothing; entering a session that was not known asks for that one.
type sessionsDir struct {
	fusefs.Inode
	*tree
	listed atomic.Uint64 // version of the set that the kernel may have cached, plus one
}

var (
	_ fusefs.NodeGetattrer      = (*sessionsDir)(nil)
	_ fusefs.NodeLookuper       = (*sessionsDir)(nil)
	_ fusefs.NodeOpendirHandler = (*sessionsDir)(nil)
)

// Getattr answers from memory.
func (d *sessionsDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.attr(&out.Attr)
	return 0
}

func (d *sessionsDir) attr(a *fuse.Attr) {
	sessions, _ := d.lib.Sessions()
	d.dirAttr(a, d.lib.Newest(), len(sessions))
}

// Lookup answers for known sessions from memory. An id that nobody named yet
// is asked for, and only a signed 404 makes it absent.
func (d *sessionsDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	id, err := veriff.ParseSessionID(name)
	if err != nil || id.String() != name {
		return nil, syscall.ENOENT // for long: see impossibleNames
	}
	if !d.lib.HasSession(id) {
		ctx, done := untilKilled(ctx)
		defer done()
		if _, err := d.lib.Session(ctx, id); err != nil {
			return nil, uncached(out, d.fail(err, "lookup", slog.String("session", name)))
		}
	}
	return d.child(ctx, id, out)
}

func (d *sessionsDir) child(ctx context.Context, id veriff.SessionID, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	d.sessionAttr(&out.Attr, id)
	if known := d.GetChild(id.String()); known != nil {
		return known, 0
	}
	return d.NewInode(ctx, &sessionDir{tree: d.tree, id: id}, sessionAttr(id)), 0
}

// OpendirHandle takes a snapshot. The kernel may keep the entries from one
// open to the next as long as the set is the same.
func (d *sessionsDir) OpendirHandle(_ context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	ids, version := d.lib.Sessions()
	handle := &directory{
		self: sessionsIno, parent: rootIno, entries: len(ids),
		entry: func(i int) fuse.DirEntry {
			return fuse.DirEntry{Name: ids[i].String(), Mode: syscall.S_IFDIR, Ino: sessionAttr(ids[i]).Ino}
		},
		look: func(ctx context.Context, i int, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
			return d.child(ctx, ids[i], out)
		},
	}
	if d.listed.Swap(version+1) != version+1 {
		return handle, 0, 0
	}
	return handle, fuse.FOPEN_CACHE_DIR, 0
}

// uncached keeps the kernel from remembering an absence that may end without
// a notice: go-fuse caches an ENOENT only if its entry has no timeout.
func uncached(out *fuse.EntryOut, errno syscall.Errno) syscall.Errno {
	out.EntryValidNsec = 1
	return errno
}
