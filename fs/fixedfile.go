package fs

import (
	"context"
	_ "embed"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// readmeText explains the mount to a person who finds it.
//
//go:embed README.txt
var readmeText []byte

// readmeTime is when the text last changed: the file's time in every mount.
var readmeTime = time.Date(2026, time.November, 27, 0, 0, 0, 0, time.UTC)

// fixedFile is a file that is the same in every mount.
type fixedFile struct {
	fusefs.Inode
	*tree
	ino  uint64
	body []byte
}

var (
	_ fusefs.NodeGetattrer = (*fixedFile)(nil)
	_ fusefs.NodeOpener    = (*fixedFile)(nil)
	_ fusefs.NodeStatfser  = (*fixedFile)(nil)
	_ fusefs.FileReader    = (*bytesHandle)(nil)
)

// Getattr answers from memory.
func (f *fixedFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.attr(&out.Attr)
	return 0
}

func (f *fixedFile) attr(a *fuse.Attr) {
	f.fileAttr(a, readmeTime, int64(len(f.body)))
	a.Ino = f.ino
}

// Open never waits.
func (f *fixedFile) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if writes(flags) {
		return nil, 0, syscall.EROFS
	}
	return &bytesHandle{f.body}, fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH, 0
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
