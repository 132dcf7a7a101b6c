package fs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
	"veriffs/veriff"
)

// contextDir is by-context/<sessionId>/: the files of a session under names
// for people, each a relative link into sessions/<sessionId>/.
type contextDir struct {
	fusefs.Inode
	*tree
	id     veriff.SessionID
	listed atomic.Pointer[library.Listing] // the listing that the kernel may have cached
}

var (
	_ fusefs.NodeGetattrer      = (*contextDir)(nil)
	_ fusefs.NodeLookuper       = (*contextDir)(nil)
	_ fusefs.NodeOpendirHandler = (*contextDir)(nil)
	_ fusefs.NodeStatfser       = (*contextDir)(nil)
	_ fusefs.NodeGetattrer      = (*contextLink)(nil)
	_ fusefs.NodeReadlinker     = (*contextLink)(nil)
	_ fusefs.NodeStatfser       = (*contextLink)(nil)
)

func (t *tree) newContextDir(id veriff.SessionID) fusefs.InodeEmbedder {
	return &contextDir{tree: t, id: id}
}

// Getattr answers from memory.
func (d *contextDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.dirAttr(&out.Attr, d.lib.Created(d.id), 0)
	out.Ino = contextsAttr(d.id).Ino
	return 0
}

// Lookup answers from a listing that is up to date: unlike the name of a media
// file, a name by context may come to mean another file.
func (d *contextDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if !library.PossibleNameByContext(name) {
		return nil, syscall.ENOENT // for long: see impossibleNames
	}
	d.interest.looks(ctx)
	ctx, done := untilKilled(ctx)
	defer done()
	file, err := d.lib.FindByContext(ctx, d.id, name)
	if err != nil {
		return nil, uncached(out, d.fail(err, "lookup", slog.String("session", d.id.String()), slog.String("name", name)))
	}
	return d.child(ctx, file, out), 0
}

// child returns the link to a file. It is always a new node to go-fuse, which
// keeps the one there is if the identity, and so the target, is the same.
func (d *contextDir) child(ctx context.Context, file *library.File, out *fuse.EntryOut) *fusefs.Inode {
	link := &contextLink{tree: d.tree, file: file, target: d.target(file)}
	link.attr(&out.Attr)
	return d.NewInode(ctx, link, linkAttr(link.target))
}

func (d *contextDir) target(file *library.File) string {
	return "../../" + sessionsName + "/" + d.id.String() + "/" + file.Name()
}

// OpendirHandle waits for the listing of the session and takes a snapshot.
func (d *contextDir) OpendirHandle(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	ctx, done := untilKilled(ctx)
	defer done()
	list, err := d.lib.Enter(ctx, d.id)
	if err != nil {
		return nil, 0, d.fail(err, "list", slog.String("session", d.id.String()))
	}
	named := d.lib.ByContext(list)
	handle := &directory{
		self: contextsAttr(d.id).Ino, parent: contextsIno, entries: len(named),
		names: !d.interest.lists(ctx) && len(named) <= namesMost,
		entry: func(i int) fuse.DirEntry {
			return fuse.DirEntry{Name: named[i].Name, Mode: syscall.S_IFLNK, Ino: linkAttr(d.target(named[i].File)).Ino}
		},
		look: func(ctx context.Context, i int, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
			return d.child(ctx, named[i].File, out), 0
		},
	}
	if d.listed.Swap(list) != list {
		return handle, 0, 0
	}
	return handle, fuse.FOPEN_CACHE_DIR, 0
}

// contextLink is a link in by-context/<sessionId>/. The kernel keeps where it
// leads, because that never changes: a name that leads elsewhere is another
// inode.
type contextLink struct {
	fusefs.Inode
	*tree
	file   *library.File
	target string
}

// Getattr answers from memory.
func (l *contextLink) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	l.attr(&out.Attr)
	return 0
}

func (l *contextLink) attr(a *fuse.Attr) {
	a.Mode = syscall.S_IFLNK | 0o777
	a.Nlink = 1
	a.Size = uint64(len(l.target))
	a.Ino = linkAttr(l.target).Ino
	l.ownAttr(a, l.lib.Date(l.file))
}

// Readlink answers from memory.
func (l *contextLink) Readlink(context.Context) ([]byte, syscall.Errno) {
	return []byte(l.target), 0
}

// linkAttr is the identity of a link: where it leads.
func linkAttr(target string) fusefs.StableAttr {
	sum := sha256.Sum256([]byte(target))
	ino := binary.BigEndian.Uint64(sum[:])
	if veriff.Reserved(ino) {
		ino ^= 1 << 32
	}
	return fusefs.StableAttr{Mode: syscall.S_IFLNK, Ino: ino, Gen: binary.BigEndian.Uint64(sum[8:])}
}
