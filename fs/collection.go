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
	"veriffs/veriff"
)

// collection is a directory with one directory for each id that is known.
// Looking at it asks nothing; entering an id that was not known asks for that
// one.
type collection[ID id] struct {
	fusefs.Inode
	*tree
	kind     string // of id, for the log
	ino      uint64
	all      func() (ids []ID, version uint64) // from memory, in order
	parse    func(name string) (ID, error)     // a name can only be an id's
	known    func(ID) bool                     // from memory
	ask      func(context.Context, ID) error   // of an id that is not known
	created  func(ID) time.Time                // from memory
	identity func(ID) fusefs.StableAttr        // of an id's directory
	node     func(ID) fusefs.InodeEmbedder     // a new node for it
	listed   atomic.Uint64                     // version that the kernel may have cached, plus one
}

type id interface {
	comparable
	String() string
}

var (
	_ fusefs.NodeGetattrer      = (*collection[veriff.SessionID])(nil)
	_ fusefs.NodeLookuper       = (*collection[veriff.SessionID])(nil)
	_ fusefs.NodeOpendirHandler = (*collection[veriff.SessionID])(nil)
	_ fusefs.NodeStatfser       = (*collection[veriff.SessionID])(nil)
)

// bySession returns a collection of all sessions.
func (t *tree) bySession(ino uint64, identity func(veriff.SessionID) fusefs.StableAttr,
	node func(veriff.SessionID) fusefs.InodeEmbedder) *collection[veriff.SessionID] {
	return &collection[veriff.SessionID]{
		tree: t, kind: "session", ino: ino,
		all: t.lib.Sessions, parse: veriff.ParseSessionID, known: t.lib.HasSession,
		ask: func(ctx context.Context, id veriff.SessionID) error {
			_, err := t.lib.Session(ctx, id)
			return err
		},
		created: t.lib.Created, identity: identity, node: node,
	}
}

// byAttempt returns the collection of all attempts.
func (t *tree) byAttempt(ino uint64) *collection[veriff.AttemptID] {
	return &collection[veriff.AttemptID]{
		tree: t, kind: "attempt", ino: ino,
		all: t.lib.Attempts, parse: veriff.ParseAttemptID, known: t.lib.HasAttempt,
		ask: func(ctx context.Context, id veriff.AttemptID) error {
			_, err := t.lib.Attempt(ctx, id)
			return err
		},
		created: t.lib.AttemptCreated, identity: attemptAttr,
		node: func(id veriff.AttemptID) fusefs.InodeEmbedder {
			return &mediaDir{tree: t, of: attemptMedia{t.lib, id}, parent: ino}
		},
	}
}

// newSessionDir returns the node of sessions/<sessionId>/.
func (t *tree) newSessionDir(id veriff.SessionID) fusefs.InodeEmbedder {
	return &mediaDir{tree: t, of: sessionMedia{t.lib, id}, parent: sessionsIno}
}

// Getattr answers from memory.
func (d *collection[ID]) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.attr(&out.Attr)
	return 0
}

func (d *collection[ID]) attr(a *fuse.Attr) {
	ids, _ := d.all()
	d.dirAttr(a, d.lib.Newest(), len(ids))
	a.Ino = d.ino
}

// Lookup answers for known ids from memory. One that nobody named yet is asked
// for, and only a signed 404 makes it absent.
func (d *collection[ID]) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	id, err := d.parse(name)
	if err != nil || id.String() != name {
		return nil, syscall.ENOENT // for long: see impossibleNames
	}
	if !d.known(id) {
		ctx, done := untilKilled(ctx)
		defer done()
		if err := d.ask(ctx, id); err != nil {
			return nil, uncached(out, d.fail(err, "lookup", slog.String(d.kind, name)))
		}
	}
	return d.child(ctx, id, out)
}

func (d *collection[ID]) child(ctx context.Context, id ID, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	identity := d.identity(id)
	d.dirAttr(&out.Attr, d.created(id), 0)
	out.Attr.Ino = identity.Ino
	if known := d.GetChild(id.String()); known != nil {
		return known, 0
	}
	return d.NewInode(ctx, d.node(id), identity), 0
}

// OpendirHandle takes a snapshot. The kernel may keep the entries from one
// open to the next as long as the set is the same.
func (d *collection[ID]) OpendirHandle(_ context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	ids, version := d.all()
	handle := &directory{
		self: d.ino, parent: rootIno, entries: len(ids),
		entry: func(i int) fuse.DirEntry {
			return fuse.DirEntry{Name: ids[i].String(), Mode: syscall.S_IFDIR, Ino: d.identity(ids[i]).Ino}
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

// sessionMedia and attemptMedia are what a mediaDir can show.
type sessionMedia struct {
	lib *library.Library
	id  veriff.SessionID
}

func (s sessionMedia) list(ctx context.Context) (*library.Listing, error) {
	return s.lib.Enter(ctx, s.id)
}
func (s sessionMedia) find(ctx context.Context, name string) (*library.File, error) {
	return s.lib.Find(ctx, s.id, name)
}
func (s sessionMedia) created() time.Time          { return s.lib.Created(s.id) }
func (s sessionMedia) identity() fusefs.StableAttr { return sessionAttr(s.id) }
func (s sessionMedia) logged() slog.Attr           { return slog.String("session", s.id.String()) }

type attemptMedia struct {
	lib *library.Library
	id  veriff.AttemptID
}

func (s attemptMedia) list(ctx context.Context) (*library.Listing, error) {
	return s.lib.Attempt(ctx, s.id)
}
func (s attemptMedia) find(ctx context.Context, name string) (*library.File, error) {
	return s.lib.FindInAttempt(ctx, s.id, name)
}
func (s attemptMedia) created() time.Time          { return s.lib.AttemptCreated(s.id) }
func (s attemptMedia) identity() fusefs.StableAttr { return attemptAttr(s.id) }
func (s attemptMedia) logged() slog.Attr           { return slog.String("attempt", s.id.String()) }
