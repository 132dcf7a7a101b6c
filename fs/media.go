package fs

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
)

// rereadTimeout bounds the one read that waits for the network: of an object
// that was damaged on the disk after it was opened.
const rereadTimeout = 20 * time.Second

// mediaFile is a file of a session or an attempt.
type mediaFile struct {
	fusefs.Inode
	*tree
	file *library.File

	content atomic.Uint64 // of which bytes the kernel may hold pages: part of their hash, 0 for none
}

// erasedContent stands for bytes that were erased while the kernel knew the
// file: it is no part of a hash, so that the next open keeps no page.
const erasedContent = 2

var (
	_ fusefs.NodeGetattrer = (*mediaFile)(nil)
	_ fusefs.NodeOpener    = (*mediaFile)(nil)
	_ fusefs.FileReader    = (*mediaHandle)(nil)
	_ fusefs.FileReleaser  = (*mediaHandle)(nil)
)

// Getattr answers from memory; Lookup has seen to it that the size is known.
func (f *mediaFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.mediaAttr(&out.Attr, f.file)
	return 0
}

// mediaAttr fills in the attributes of a file whose size is known.
func (t *tree) mediaAttr(a *fuse.Attr, f *library.File) {
	t.fileAttr(a, t.lib.Date(f), t.lib.Size(f))
	a.Ino = mediaAttr(f.ID).Ino
}

// Open waits until the file is whole, verified and local. The pages of an
// earlier open stay valid, because an id's bytes do not change; if they did,
// this open is the one that drops them.
func (f *mediaFile) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	ctx, done := untilKilled(ctx)
	defer done()
	believed := f.lib.Size(f.file)
	handle, err := f.lib.Open(ctx, f.file)
	if err != nil {
		return nil, 0, f.fail(err, "open", slog.String("media", f.file.ID.String()))
	}
	if handle.Size() != believed {
		// Before the open returns, so that nobody reads by the wrong size.
		// From this node's own Open this does not deadlock.
		f.NotifyContent(-1, 0)
	}
	sum := handle.SHA256()
	content := binary.BigEndian.Uint64(sum[:]) | 1
	reply := uint32(fuse.FOPEN_NOFLUSH)
	if last := f.content.Swap(content); last == 0 || last == content {
		reply |= fuse.FOPEN_KEEP_CACHE
	}
	return &mediaHandle{tree: f.tree, node: f, handle: handle}, reply, 0
}

// mediaHandle is an open file.
type mediaHandle struct {
	*tree
	node   *mediaFile
	handle *library.Handle
}

// Read fills dest: fewer bytes would tell the kernel that the file ends.
func (h *mediaHandle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if left := h.handle.Size() - off; left <= 0 {
		return fuse.ReadResultData(nil), 0
	} else if int64(len(dest)) > left {
		dest = dest[:left]
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rereadTimeout)
	defer cancel()
	n, err := h.handle.ReadAt(ctx, dest, off)
	if n < len(dest) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, h.fail(err, "read", slog.Int64("offset", off))
	}
	return fuse.ReadResultData(dest), 0
}

// Release ends the reading. The pages that were read after the file was erased
// go with it.
func (h *mediaHandle) Release(context.Context) syscall.Errno {
	h.handle.Close()
	if h.node.content.Load() == erasedContent {
		h.notices.add(func() { h.node.NotifyContent(0, 0) })
	}
	return 0
}
