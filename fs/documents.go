package fs

import (
	"context"
	"encoding/hex"
	"log/slog"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/accesslog"
	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// documents is the contents of metadata/<sessionId>/: what the API answers
// about a session, verbatim.
type documents struct{ *tree }

func (d documents) possible(name string) bool {
	_, ok := listing.ParseDocumentName(name)
	return ok
}

// find asks for the document, so that its size is right.
func (d documents) find(ctx context.Context, id veriff.SessionID, name string) (entry, error) {
	kind, _ := listing.ParseDocumentName(name)
	document, err := d.lib.Document(ctx, id, kind)
	if err != nil {
		return nil, err
	}
	return documentEntry{d.tree, id, kind, &document}, nil
}

// list costs at most five requests, side by side.
func (d documents) list(ctx context.Context, id veriff.SessionID) (snapshot, *library.Listing, error) {
	kinds, err := d.lib.Documents(ctx, id)
	if err != nil {
		return snapshot{}, nil, err
	}
	return snapshot{len(kinds), func(i int) entry { return documentEntry{d.tree, id, kinds[i], nil} }}, nil, nil
}

// documentEntry is a document of a session.
type documentEntry struct {
	*tree
	session veriff.SessionID
	kind    listing.DocumentKind
	found   *library.Document // nil: whatever is in memory when somebody looks
}

func (e documentEntry) dirent() fuse.DirEntry {
	return fuse.DirEntry{Name: e.kind.Name(), Mode: syscall.S_IFREG, Ino: documentAttr(e.session, e.kind).Ino}
}

func (e documentEntry) look(ctx context.Context, dir *fusefs.Inode, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if e.found == nil {
		document, ok := e.lib.LastDocument(e.session, e.kind)
		if !ok {
			return nil, syscall.EAGAIN // a stat comes to find, which asks for it
		}
		e.found = &document
	}
	inode := dir.GetChild(name)
	if inode == nil {
		inode = dir.NewInode(ctx, &documentFile{tree: e.tree, session: e.session, kind: e.kind}, documentAttr(e.session, e.kind))
	}
	if f, ok := inode.Operations().(*documentFile); ok {
		f.show(&out.Attr, *e.found)
	}
	return inode, 0
}

// documentFile is the inode of a document. Its time is when the API first
// answered just these bytes: unlike those of a media file they change.
type documentFile struct {
	fusefs.Inode
	*tree
	session veriff.SessionID
	kind    listing.DocumentKind
	pages   pages

	mu    sync.Mutex
	shown library.Document // what the kernel was told last
}

var (
	_ fusefs.NodeGetattrer = (*documentFile)(nil)
	_ fusefs.NodeOpener    = (*documentFile)(nil)
	_ fusefs.NodeStatfser  = (*documentFile)(nil)
	_ fusefs.FileReader    = (*documentHandle)(nil)
	_ fusefs.FileReleaser  = (*documentHandle)(nil)
)

func (f *documentFile) cachedPages() *pages { return &f.pages }
func (f *documentFile) erasedBy(c library.Change) bool {
	return c.ErasedSession != nil && c.ErasedSession(f.session)
}

// Getattr answers from memory.
func (f *documentFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	document, ok := f.lib.LastDocument(f.session, f.kind)
	if !ok {
		f.mu.Lock()
		document = f.shown
		f.mu.Unlock()
	}
	f.show(&out.Attr, document)
	return 0
}

// show fills in the attributes, and reports whether they differ from what the
// kernel was told last.
func (f *documentFile) show(a *fuse.Attr, document library.Document) (changed bool) {
	f.fileAttr(a, document.Received, document.Size)
	a.Ino = documentAttr(f.session, f.kind).Ino
	f.mu.Lock()
	defer f.mu.Unlock()
	changed = f.shown != document
	f.shown = document
	return changed
}

// Open waits until the document is there and fresh, and takes a snapshot of
// it.
func (f *documentFile) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	ctx, done := untilKilled(ctx)
	defer done()
	document, err := f.open(ctx, flags)
	if wrote := f.accounts.record(ctx, accesslog.OpOpen, err, func(r *accesslog.Record) { f.record(r, &document) }); wrote != nil && err == nil {
		err = wrote
	}
	if err != nil {
		return nil, 0, f.fail(err, "open", slog.String("session", f.session.String()), slog.String("document", f.kind.Name()))
	}
	var attr fuse.Attr
	if f.show(&attr, document.Document) {
		invalidateAttributes(&f.Inode) // before the open returns: see mediaFile.Open
	}
	return &documentHandle{bytesHandle{document.Body}, f}, f.pages.opened(document.SHA256), 0
}

func (f *documentFile) open(ctx context.Context, flags uint32) (library.FullDocument, error) {
	if writes(flags) {
		return library.FullDocument{}, errReadOnly
	}
	if err := f.mayOpen(ctx, false); err != nil {
		return library.FullDocument{}, err
	}
	return f.lib.OpenDocument(ctx, f.session, f.kind)
}

// record says what was opened, or was to be.
func (f *documentFile) record(r *accesslog.Record, d *library.FullDocument) {
	r.Session, r.Document = f.session.String(), f.kind.Name()
	if r.Outcome == accesslog.Success {
		r.Size, r.SHA256 = d.Size, hex.EncodeToString(d.SHA256[:])
		r.SecretID, r.From = d.Label.SecretID, source(d.Fetched)
	}
}

// documentHandle is an open document.
type documentHandle struct {
	bytesHandle
	file *documentFile
}

// Release closes the document.
func (h *documentHandle) Release(context.Context) syscall.Errno {
	h.file.pages.closed(&h.file.Inode, &h.file.queue)
	return 0
}
