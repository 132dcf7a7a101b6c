package fs

import (
	"context"
	"fmt"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
	"veriffs/internal/listing"
)

// mediaFiles is the contents of sessions/<sessionId>/, the files of the newest
// attempt, and of attempts/<attemptId>/.
type mediaFiles[ID id] struct {
	*tree
	listing func(context.Context, ID) (*library.Listing, error)
	file    func(ctx context.Context, id ID, name string) (*library.File, error)
}

func (m mediaFiles[ID]) possible(name string) bool { return listing.PossibleName(name) }

// find accepts any listing that has the name; only a fresh one proves that the
// name is absent. It fetches a file whose size the listing does not give.
func (m mediaFiles[ID]) find(ctx context.Context, id ID, name string) (entry, error) {
	file, err := m.file(ctx, id, name)
	if err != nil {
		return nil, err
	}
	if !m.lib.Shown().Shows(file) {
		return nil, notShown(name)
	}
	if m.lib.Size(file) == library.UnknownSize {
		if err := m.lib.Fetch(ctx, file); err != nil {
			return nil, fmt.Errorf("fetch media %s for its size: %w", file.ID, err)
		}
	}
	return mediaEntry{m.tree, file}, nil
}

// list costs at most two requests.
func (m mediaFiles[ID]) list(ctx context.Context, id ID) (snapshot, *library.Listing, error) {
	list, err := m.listing(ctx, id)
	if err != nil {
		return snapshot{}, nil, err
	}
	count, file := m.lib.Shown().Of(list)
	return snapshot{count, func(i int) entry { return mediaEntry{m.tree, file(i)} }}, list, nil
}

// notShown is the error for a file that the API lists and the mount leaves out.
func notShown(name string) error { return fmt.Errorf("%s is not shown: %w", name, library.ErrNotFound) }

// mediaEntry is a media file under its own name.
type mediaEntry struct {
	*tree
	file *library.File
}

func (e mediaEntry) dirent() fuse.DirEntry {
	return fuse.DirEntry{Name: e.file.Name(), Mode: syscall.S_IFREG, Ino: mediaAttr(e.file.ID).Ino}
}

// look returns the same inode in whichever directory the file is found.
func (e mediaEntry) look(ctx context.Context, dir *fusefs.Inode, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if e.lib.Size(e.file) == library.UnknownSize {
		return nil, syscall.EAGAIN // a stat comes to find, which fetches it
	}
	node := e.known(dir, name)
	if node == nil {
		node = dir.NewInode(ctx, e.newMediaFile(e.file), mediaAttr(e.file.ID))
	}
	node.Operations().(*mediaFile).tell(&out.Attr, e.file)
	return node, 0
}

// known returns the inode of the file in whichever directory it was found, or nil.
func (e mediaEntry) known(dir *fusefs.Inode, name string) *fusefs.Inode {
	if known := dir.GetChild(name); known != nil {
		return known
	}
	for _, other := range []*fusefs.Inode{
		e.sessions.GetChild(e.file.In.Session.String()), e.attempts.GetChild(e.file.In.Attempt.String()),
	} {
		if other == nil {
			continue
		}
		if known := other.GetChild(name); known != nil && known.StableAttr() == mediaAttr(e.file.ID) {
			return known
		}
	}
	return nil
}
