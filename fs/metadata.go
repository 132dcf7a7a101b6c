package fs

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
	"veriffs/veriff"
)

// metadataDir is metadata/<sessionId>/: what the API answers about a session,
// verbatim.
type metadataDir struct {
	fusefs.Inode
	*tree
	id veriff.SessionID
}

var (
	_ fusefs.NodeGetattrer      = (*metadataDir)(nil)
	_ fusefs.NodeLookuper       = (*metadataDir)(nil)
	_ fusefs.NodeOpendirHandler = (*metadataDir)(nil)
	_ fusefs.NodeStatfser       = (*metadataDir)(nil)
	_ fusefs.NodeGetattrer      = (*documentFile)(nil)
	_ fusefs.NodeOpener         = (*documentFile)(nil)
	_ fusefs.NodeStatfser       = (*documentFile)(nil)
	_ fusefs.FileReader         = (*bytesHandle)(nil)
)

func (t *tree) newMetadataDir(id veriff.SessionID) fusefs.InodeEmbedder {
	return &metadataDir{tree: t, id: id}
}

// Getattr answers from memory.
func (d *metadataDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.dirAttr(&out.Attr, d.lib.Created(d.id), 0)
	out.Ino = metadataAttr(d.id).Ino
	return 0
}

// Lookup asks for the one document, so that its size is right.
func (d *metadataDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	kind, ok := library.ParseDocumentName(name)
	if !ok {
		return nil, syscall.ENOENT // for long: see impossibleNames
	}
	ctx, done := untilKilled(ctx)
	defer done()
	document, err := d.lib.Document(ctx, d.id, kind)
	if err != nil {
		return nil, uncached(out, d.fail(err, "lookup", slog.String("session", d.id.String()), slog.String("document", name)))
	}
	return d.child(ctx, kind, document, out), 0
}

func (d *metadataDir) child(ctx context.Context, kind library.DocumentKind, document library.Document, out *fuse.EntryOut) *fusefs.Inode {
	inode := d.GetChild(kind.Name())
	if inode == nil {
		inode = d.NewInode(ctx, &documentFile{tree: d.tree, id: d.id, kind: kind}, documentAttr(d.id, kind))
	}
	if f, ok := inode.Operations().(*documentFile); ok {
		f.show(&out.Attr, document)
	}
	return inode
}

// OpendirHandle waits for what there is, at most five requests side by side.
func (d *metadataDir) OpendirHandle(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	ctx, done := untilKilled(ctx)
	defer done()
	kinds, err := d.lib.Documents(ctx, d.id)
	if err != nil {
		return nil, 0, d.fail(err, "list", slog.String("session", d.id.String()))
	}
	return &directory{
		self: metadataAttr(d.id).Ino, parent: metadataIno, entries: len(kinds),
		entry: func(i int) fuse.DirEntry {
			return fuse.DirEntry{Name: kinds[i].Name(), Mode: syscall.S_IFREG, Ino: documentAttr(d.id, kinds[i]).Ino}
		},
		look: func(ctx context.Context, i int, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
			document, ok := d.lib.LastDocument(d.id, kinds[i])
			if !ok {
				return nil, syscall.EAGAIN // the name without attributes: stat will look it up
			}
			return d.child(ctx, kinds[i], document, out), 0
		},
	}, 0, 0
}

// documentFile is a file of metadata/<sessionId>/. Its time is when the API
// first answered just these bytes: unlike those of a media file they change.
type documentFile struct {
	fusefs.Inode
	*tree
	id   veriff.SessionID
	kind library.DocumentKind

	content atomic.Uint64 // of which bytes the kernel may hold pages: part of their hash, 0 for none

	mu    sync.Mutex
	shown library.Document // what the kernel was told last
}

// Getattr answers without the network.
func (f *documentFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	document, ok := f.lib.LastDocument(f.id, f.kind)
	if !ok {
		f.mu.Lock()
		document = f.shown
		f.mu.Unlock()
	}
	f.show(&out.Attr, document)
	return 0
}

// show fills in the attributes and reports whether they are others than what
// the kernel was told last.
func (f *documentFile) show(a *fuse.Attr, document library.Document) (other bool) {
	f.fileAttr(a, document.Received, document.Size)
	a.Ino = documentAttr(f.id, f.kind).Ino
	f.mu.Lock()
	defer f.mu.Unlock()
	other = f.shown != document
	f.shown = document
	return other
}

// Open waits until the document is there and up to date, and takes a snapshot
// of it.
func (f *documentFile) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	ctx, done := untilKilled(ctx)
	defer done()
	document, body, err := f.lib.OpenDocument(ctx, f.id, f.kind)
	if err != nil {
		return nil, 0, f.fail(err, "open", slog.String("session", f.id.String()), slog.String("document", f.kind.Name()))
	}
	var attr fuse.Attr
	if f.show(&attr, document) {
		f.NotifyContent(-1, 0) // before the open returns: see mediaFile.Open
	}
	content := binary.BigEndian.Uint64(document.SHA256[:]) | 1
	reply := uint32(fuse.FOPEN_NOFLUSH)
	if last := f.content.Swap(content); last == 0 || last == content {
		reply |= fuse.FOPEN_KEEP_CACHE
	}
	return &bytesHandle{body}, reply, 0
}

// bytesHandle is an open file whose content is in memory.
type bytesHandle struct{ body []byte }

// Read answers from memory.
func (h *bytesHandle) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if off >= int64(len(h.body)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(h.body[off:min(off+int64(len(dest)), int64(len(h.body)))]), 0
}
