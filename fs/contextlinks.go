package fs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// contextLinks is the contents of by-context/<sessionId>/: the files of a
// session under names for people, as relative links into sessions/<sessionId>/.
type contextLinks struct{ *tree }

func (c contextLinks) possible(name string) bool { return listing.PossibleNameByContext(name) }

// find needs a fresh listing: unlike the name of a media file, a name by
// context may come to mean another file.
func (c contextLinks) find(ctx context.Context, id veriff.SessionID, name string) (entry, error) {
	file, err := c.lib.FindByContext(ctx, id, name)
	if err != nil {
		return nil, err
	}
	if !c.lib.Shown().Shows(file) {
		return nil, notShown(name)
	}
	return c.link(id, name, file), nil
}

func (c contextLinks) list(ctx context.Context, id veriff.SessionID) (snapshot, *library.Listing, error) {
	list, err := c.lib.Enter(ctx, id)
	if err != nil {
		return snapshot{}, nil, err
	}
	named := c.lib.Shown().OfNamed(c.lib.ByContext(list))
	return snapshot{len(named), func(i int) entry { return c.link(id, named[i].Name, named[i].File) }}, list, nil
}

func (c contextLinks) link(id veriff.SessionID, name string, file *library.File) contextEntry {
	return contextEntry{c.tree, name, file, "../../" + sessionsName + "/" + id.String() + "/" + file.Name()}
}

// contextEntry is a file under its name by context.
type contextEntry struct {
	*tree
	name   string
	file   *library.File
	target string
}

func (e contextEntry) dirent() fuse.DirEntry {
	return fuse.DirEntry{Name: e.name, Mode: syscall.S_IFLNK, Ino: linkAttr(e.target).Ino}
}

// look always makes a node. go-fuse keeps the one that is there if the identity,
// and so the target, is the same.
func (e contextEntry) look(ctx context.Context, dir *fusefs.Inode, _ string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	link := &contextLink{tree: e.tree, file: e.file, target: e.target}
	link.attr(&out.Attr)
	return dir.NewInode(ctx, link, linkAttr(e.target)), 0
}

// contextLink is a link in by-context/<sessionId>/. The kernel caches its
// target, which never changes: a name that leads elsewhere is another inode.
type contextLink struct {
	fusefs.Inode
	*tree
	file   *library.File
	target string
}

var (
	_ fusefs.NodeGetattrer  = (*contextLink)(nil)
	_ fusefs.NodeReadlinker = (*contextLink)(nil)
	_ fusefs.NodeStatfser   = (*contextLink)(nil)
)

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
func (l *contextLink) Readlink(ctx context.Context) ([]byte, syscall.Errno) {
	if errno := l.enter(ctx, kindSession, l.file.In.Session.String()); errno != 0 {
		return nil, errno
	}
	return []byte(l.target), 0
}

// linkAttr is the identity of a link: a hash of its target.
func linkAttr(target string) fusefs.StableAttr {
	attr := hashAttr(target)
	attr.Mode = syscall.S_IFLNK
	return attr
}

// hashAttr is an identity that comes from a name.
func hashAttr(name string) fusefs.StableAttr {
	sum := sha256.Sum256([]byte(name))
	ino := binary.BigEndian.Uint64(sum[:])
	if veriff.Reserved(ino) {
		ino ^= 1 << 32 // which is not reserved
	}
	return fusefs.StableAttr{Ino: ino, Gen: binary.BigEndian.Uint64(sum[8:])}
}
