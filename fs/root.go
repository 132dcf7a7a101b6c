package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
)

// rootDir is the mount point.
type rootDir struct {
	fusefs.Inode
	*tree
	entries []rootEntry
}

var (
	_ fusefs.NodeOnAdder        = (*rootDir)(nil)
	_ fusefs.NodeGetattrer      = (*rootDir)(nil)
	_ fusefs.NodeLookuper       = (*rootDir)(nil)
	_ fusefs.NodeStatfser       = (*rootDir)(nil)
	_ fusefs.NodeStatfser       = (*mediaFile)(nil)
	_ fusefs.NodeOpendirHandler = (*rootDir)(nil)
)

// The names in the mount point.
const (
	readmeName   = "README.txt"
	attemptsName = library.AttemptsTree
	contextsName = library.ContextsTree
	metadataName = library.MetadataTree
	sessionsName = library.SessionsTree
)

// rootEntry is one of the entries that are always there.
type rootEntry struct {
	name string
	mode uint32
	ino  uint64
	node attributed
}

// attributed is a node whose attributes are in memory.
type attributed interface {
	fusefs.InodeEmbedder
	attr(*fuse.Attr)
}

// OnAdd makes what is always there.
func (r *rootDir) OnAdd(ctx context.Context) {
	r.sessions = r.bySession(sessionsIno, sessionAttr, r.newSessionDir)
	r.contexts = r.bySession(contextsIno, contextsAttr, r.newContextDir)
	r.metadata = r.bySession(metadataIno, metadataAttr, r.newMetadataDir)
	r.attempts = r.byAttempt(attemptsIno)
	r.entries = []rootEntry{ // in name order
		{readmeName, syscall.S_IFREG, readmeIno, &readmeFile{tree: r.tree}},
		{attemptsName, syscall.S_IFDIR, attemptsIno, r.attempts},
		{contextsName, syscall.S_IFDIR, contextsIno, r.contexts},
		{metadataName, syscall.S_IFDIR, metadataIno, r.metadata},
		{sessionsName, syscall.S_IFDIR, sessionsIno, r.sessions},
	}
	for _, e := range r.entries {
		child := r.NewPersistentInode(ctx, e.node, fusefs.StableAttr{Mode: e.mode, Ino: e.ino})
		r.AddChild(e.name, child, false)
	}
}

// Getattr answers from memory.
func (r *rootDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	const files = 1
	r.dirAttr(&out.Attr, r.lib.Newest(), len(r.entries)-files)
	return 0
}

// Lookup knows every name there is.
func (r *rootDir) Lookup(_ context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	for i := range r.entries {
		if r.entries[i].name == name {
			return r.child(i, out), 0
		}
	}
	return nil, syscall.ENOENT
}

func (r *rootDir) child(i int, out *fuse.EntryOut) *fusefs.Inode {
	r.entries[i].node.attr(&out.Attr)
	return r.entries[i].node.EmbeddedInode()
}

// OpendirHandle lists what is always there.
func (r *rootDir) OpendirHandle(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return &directory{
		self: rootIno, parent: rootIno, entries: len(r.entries),
		entry: func(i int) fuse.DirEntry {
			e := r.entries[i]
			return fuse.DirEntry{Name: e.name, Mode: e.mode, Ino: e.ino}
		},
		look: func(_ context.Context, i int, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
			return r.child(i, out), 0
		},
	}, fuse.FOPEN_CACHE_DIR, 0
}

// Statfs answers from memory: the room is that of the cache.
func (t *tree) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	const block = 4096
	used, limit := t.lib.Room()
	sessions, _ := t.lib.Sessions()
	*out = fuse.StatfsOut{
		Bsize: block, Frsize: block, NameLen: 255,
		Blocks: uint64(limit) / block,
		Bfree:  uint64(max(0, limit-used)) / block,
		Bavail: uint64(max(0, limit-used)) / block,
		Files:  uint64(len(sessions)),
	}
	return 0
}
