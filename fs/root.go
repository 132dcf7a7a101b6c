package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// rootDir is the mount point.
type rootDir struct {
	fusefs.Inode
	*tree
}

var (
	_ fusefs.NodeOnAdder   = (*rootDir)(nil)
	_ fusefs.NodeGetattrer = (*rootDir)(nil)
	_ fusefs.NodeLookuper  = (*rootDir)(nil)
	_ fusefs.NodeStatfser  = (*rootDir)(nil)
	_ fusefs.NodeStatfser  = (*sessionsDir)(nil)
	_ fusefs.NodeStatfser  = (*sessionDir)(nil)
	_ fusefs.NodeStatfser  = (*mediaFile)(nil)
)

// sessionsName is the directory that every path goes through.
const sessionsName = "sessions"

// OnAdd makes the directories that are always there.
func (r *rootDir) OnAdd(ctx context.Context) {
	r.sessions = &sessionsDir{tree: r.tree}
	child := r.NewPersistentInode(ctx, r.sessions, fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: sessionsIno})
	r.AddChild(sessionsName, child, false)
}

// Getattr answers from memory.
func (r *rootDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	r.dirAttr(&out.Attr, r.lib.Newest(), 1)
	return 0
}

// Lookup knows every name there is.
func (r *rootDir) Lookup(_ context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	child := r.GetChild(name)
	if child == nil {
		return nil, syscall.ENOENT
	}
	r.sessions.attr(&out.Attr)
	return child, 0
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
		Files:  uint64(len(sessions)) + 2,
	}
	return 0
}
