package fs

import (
	"encoding/binary"
	"sync/atomic"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
)

// pages says of which bytes of a file the kernel's page cache may hold pages.
type pages struct {
	of atomic.Uint64 // noPages, erasedPages or the beginning of a fingerprint, made odd
}

const (
	noPages = 0
	// erasedPages is even and so no fingerprint: the next open keeps no page.
	erasedPages = 2
)

// opened returns the flags for the reply to an open of bytes with this fingerprint.
// Pages stay from one open to the next while the bytes are the same, which those
// of a media file always should be. An open of other bytes drops them.
func (p *pages) opened(fingerprint [32]byte) (flags uint32) {
	bytes := binary.BigEndian.Uint64(fingerprint[:]) | 1
	if last := p.of.Swap(bytes); last == noPages || last == bytes {
		return fuse.FOPEN_NOFLUSH | fuse.FOPEN_KEEP_CACHE
	}
	return fuse.FOPEN_NOFLUSH
}

// never reports whether nobody has opened the file.
func (p *pages) never() bool { return p.of.Load() == noPages }

// erase makes the kernel drop the pages. It may fill new ones for those who
// have the file open: see closed.
func (p *pages) erase(node *fusefs.Inode) {
	p.of.Store(erasedPages)
	dropPages(node)
}

// closed queues the dropping of what was read after an erasure.
func (p *pages) closed(node *fusefs.Inode, q *queue) {
	if p.of.Load() == erasedPages {
		q.add(func() { dropPages(node) })
	}
}

func dropPages(node *fusefs.Inode) { node.NotifyContent(0, 0) }

// erasable is a node of a file of which the kernel may hold pages.
type erasable interface {
	erasedBy(library.Change) bool
	cachedPages() *pages
}

var (
	_ erasable = (*mediaFile)(nil)
	_ erasable = (*documentFile)(nil)
)

// erasePages makes the kernel drop the pages of all files below dir that a
// change has erased.
func erasePages(dir *fusefs.Inode, c library.Change) {
	for _, child := range dir.Children() {
		f, ok := child.Operations().(erasable)
		switch {
		case !ok:
			erasePages(child, c)
		case f.erasedBy(c):
			f.cachedPages().erase(child)
		}
	}
}
