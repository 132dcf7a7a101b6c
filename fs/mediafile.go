package fs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/accesslog"
	"veriffs/internal/library"
)

// mediaFile is the inode of an image, video or NFC file.
type mediaFile struct {
	fusefs.Inode
	*tree
	file  *library.File
	pages pages
	told  atomic.Int64          // the size that the kernel was told last
	size  atomic.Pointer[int64] // of the bytes that were opened last; nil: none
}

var (
	_ fusefs.NodeGetattrer   = (*mediaFile)(nil)
	_ fusefs.NodeOpener      = (*mediaFile)(nil)
	_ fusefs.NodeStatfser    = (*mediaFile)(nil)
	_ fusefs.NodeOnForgetter = (*mediaFile)(nil)
	_ fusefs.FileReader      = (*mediaHandle)(nil)
	_ fusefs.FileReleaser    = (*mediaHandle)(nil)
)

// newMediaFile returns a node for NewInode, and counts it.
func (t *tree) newMediaFile(file *library.File) *mediaFile {
	t.inodes.live.Add(1)
	return &mediaFile{tree: t, file: file}
}

// OnForget is called when the kernel has forgotten the inode.
func (f *mediaFile) OnForget() { f.inodes.live.Add(-1) }

func (f *mediaFile) cachedPages() *pages            { return &f.pages }
func (f *mediaFile) erasedBy(c library.Change) bool { return c.Erased != nil && c.Erased(f.file) }

// Getattr answers from memory: the kernel has the inode only if the size is
// known.
func (f *mediaFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.tell(&out.Attr, f.file)
	return 0
}

// tell fills in the attributes by what a listing says of the file, which need not be
// the one that the inode was made of. Once the file was opened, its size is the
// verified one, whatever a newer listing says.
func (f *mediaFile) tell(a *fuse.Attr, by *library.File) {
	size := f.lib.Size(by)
	if n := f.size.Load(); n != nil {
		size = *n
	}
	f.mediaAttr(a, by, size)
	f.told.Store(size)
}

// mediaAttr fills in the attributes of a file of a size.
func (t *tree) mediaAttr(a *fuse.Attr, f *library.File, size int64) {
	t.fileAttr(a, t.lib.Date(f), size)
	a.Ino = mediaAttr(f.ID).Ino
}

// Open waits until the file is whole, verified and local.
func (f *mediaFile) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	ctx, done := untilKilled(ctx)
	defer done()
	handle, sum, err := f.open(ctx, flags)
	if wrote := f.accounts.record(ctx, accesslog.OpOpen, err, func(r *accesslog.Record) { recordMedia(r, f.file, handle, sum) }); wrote != nil && err == nil {
		handle.Close()
		err = wrote
	}
	if err != nil {
		return nil, 0, f.fail(err, "open", f.names()...)
	}
	size := handle.Size()
	if was := f.size.Load(); was == nil || *was != size {
		now := size // which is allocated here alone
		f.size.Store(&now)
	}
	if size != f.told.Load() {
		invalidateAttributes(&f.Inode) // before the open returns, so that nobody reads by the wrong size
	}
	return &mediaHandle{f, handle}, f.pages.opened(handle.Fingerprint()), 0
}

// open also returns the SHA-256 of the file if opens are recorded.
func (f *mediaFile) open(ctx context.Context, flags uint32) (handle *library.Handle, sum [32]byte, err error) {
	if writes(flags) {
		return nil, sum, errReadOnly
	}
	if err := f.mayOpen(ctx, true); err != nil {
		return nil, sum, err
	}
	if handle, err = f.lib.Open(ctx, f.file); err != nil || f.accounts == nil {
		return handle, sum, err
	}
	if sum, err = handle.SHA256(); err != nil {
		handle.Close()
		return nil, sum, err
	}
	return handle, sum, nil
}

// names are the ids by which somebody may look for the file in the log.
func (f *mediaFile) names() []slog.Attr {
	names := []slog.Attr{slog.String("media", f.file.ID.String())}
	if in := f.file.In; !in.Session.IsZero() {
		names = append(names, slog.String("session", in.Session.String()))
	}
	return names
}

// writes reports whether an open with these flags wants to write. The kernel refuses
// these itself, unless somebody has made the mount writable.
func writes(flags uint32) bool { return flags&syscall.O_ACCMODE != syscall.O_RDONLY }

// mediaHandle is an open media file.
type mediaHandle struct {
	file   *mediaFile
	handle *library.Handle
}

// Read fills dest: fewer bytes would tell the kernel that the file ends.
func (h *mediaHandle) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if left := h.handle.Size() - off; left <= 0 {
		return fuse.ReadResultData(nil), 0
	} else if int64(len(dest)) > left {
		dest = dest[:left]
	}
	n, err := h.handle.ReadAt(dest, off)
	if n < len(dest) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, h.file.fail(err, "read", append(h.file.names(), slog.Int64("offset", off))...)
	}
	return fuse.ReadResultData(dest), 0
}

// Release closes the file.
func (h *mediaHandle) Release(context.Context) syscall.Errno {
	h.handle.Close()
	h.file.pages.closed(&h.file.Inode, &h.file.queue)
	return 0
}
