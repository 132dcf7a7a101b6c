package fs

import (
	"context"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/veriff"
)

// collection is a directory in the mount point: it has an itemDir for each
// known id. Looking at it costs no request; entering an unknown id asks the API
// for that one.
type collection[ID id] struct {
	fusefs.Inode
	*tree
	ids[ID]
	ino      uint64
	identity func(ID) fusefs.StableAttr // of an id's directory
	contents contents[ID]               // of the ids' directories
	cached   atomic.Uint64              // version of the set that the kernel may cache, plus one
}

// What the ids of a collection are of, for logs.
const (
	kindSession = "session"
	kindAttempt = "attempt"
)

type id interface {
	comparable
	String() string
}

// ids is what the library knows of the ids of one kind.
type ids[ID id] struct {
	kind    string                            // for the log
	all     func() (ids []ID, version uint64) // in order, from memory
	parse   func(name string) (ID, error)     // fails for a name that is no id's
	known   func(ID) bool                     // from memory
	ask     func(context.Context, ID) error   // asks the API for an unknown id
	created func(ID) time.Time                // from memory
}

var (
	_ fusefs.NodeGetattrer      = (*collection[veriff.SessionID])(nil)
	_ fusefs.NodeLookuper       = (*collection[veriff.SessionID])(nil)
	_ fusefs.NodeOpendirHandler = (*collection[veriff.SessionID])(nil)
	_ fusefs.NodeStatfser       = (*collection[veriff.SessionID])(nil)
)

// sessionIDs are the ids of three collections.
func (t *tree) sessionIDs() ids[veriff.SessionID] {
	return ids[veriff.SessionID]{
		kind: kindSession, all: t.lib.Sessions, parse: veriff.ParseSessionID, known: t.lib.HasSession,
		ask: func(ctx context.Context, id veriff.SessionID) error {
			_, err := t.lib.Session(ctx, id)
			return err
		},
		created: t.lib.Created,
	}
}

func (t *tree) attemptIDs() ids[veriff.AttemptID] {
	return ids[veriff.AttemptID]{
		kind: kindAttempt, all: t.lib.Attempts, parse: veriff.ParseAttemptID, known: t.lib.HasAttempt,
		ask: func(ctx context.Context, id veriff.AttemptID) error {
			_, err := t.lib.Attempt(ctx, id)
			return err
		},
		created: t.lib.AttemptCreated,
	}
}

// Getattr answers from memory.
func (c *collection[ID]) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	c.attr(&out.Attr)
	return 0
}

func (c *collection[ID]) attr(a *fuse.Attr) {
	all, _ := c.all()
	c.dirAttr(a, c.lib.Newest(), len(all))
	a.Ino = c.ino
}

// Lookup finds a known id in memory. It asks the API for any other, and only a
// signed 404 makes that one absent.
func (c *collection[ID]) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	id, err := c.parse(name)
	if err != nil || id.String() != name {
		return nil, syscall.ENOENT // cached: see impossibleNames
	}
	if errno := c.enter(ctx, c.kind, name); errno != 0 {
		return nil, errno
	}
	if !c.known(id) {
		ctx, done := untilKilled(ctx)
		defer done()
		if err := c.ask(ctx, id); err != nil {
			return nil, uncached(out, c.fail(err, "lookup", slog.String(c.kind, name)))
		}
	}
	return idEntry[ID]{c, id}.look(ctx, &c.Inode, name, out)
}

// OpendirHandle takes a snapshot. The kernel may keep the entries from one
// open to the next as long as the set is the same.
func (c *collection[ID]) OpendirHandle(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if errno := c.enter(ctx, "", ""); errno != 0 {
		return nil, 0, errno
	}
	all, version := c.all()
	handle := &openDir{
		dir: &c.Inode, parent: rootIno,
		snapshot: snapshot{len(all), func(i int) entry { return idEntry[ID]{c, all[i]} }},
		names:    c.closed(),
	}
	if c.cached.Swap(version+1) != version+1 {
		return handle, 0, 0
	}
	return handle, fuse.FOPEN_CACHE_DIR, 0
}

// idEntry is the directory of an id.
type idEntry[ID id] struct {
	in *collection[ID]
	id ID
}

func (e idEntry[ID]) dirent() fuse.DirEntry {
	return fuse.DirEntry{Name: e.id.String(), Mode: syscall.S_IFDIR, Ino: e.in.identity(e.id).Ino}
}

func (e idEntry[ID]) look(ctx context.Context, dir *fusefs.Inode, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	identity := e.in.identity(e.id)
	e.in.dirAttr(&out.Attr, e.in.created(e.id), 0)
	out.Attr.Ino = identity.Ino
	if known := dir.GetChild(name); known != nil {
		return known, 0
	}
	return dir.NewInode(ctx, &itemDir[ID]{in: e.in, id: e.id}, identity), 0
}

// uncached keeps the kernel from caching an absence that may end without an
// invalidation: go-fuse caches an ENOENT only if its entry has no timeout.
func uncached(out *fuse.EntryOut, errno syscall.Errno) syscall.Errno {
	out.EntryValidNsec = 1
	return errno
}
