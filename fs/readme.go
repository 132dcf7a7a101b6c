package fs

import (
	"context"
	_ "embed"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// readmeText is what a person who finds a mount can read about it.
//
//go:embed README.txt
var readmeText []byte

// readmeTime is when the text was last changed: the file's time on every
// mount.
var readmeTime = time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)

// readmeFile is README.txt.
type readmeFile struct {
	fusefs.Inode
	*tree
}

var (
	_ fusefs.NodeGetattrer = (*readmeFile)(nil)
	_ fusefs.NodeOpener    = (*readmeFile)(nil)
	_ fusefs.NodeStatfser  = (*readmeFile)(nil)
)

// Getattr answers from memory.
func (f *readmeFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.attr(&out.Attr)
	return 0
}

func (f *readmeFile) attr(a *fuse.Attr) {
	f.fileAttr(a, readmeTime, int64(len(readmeText)))
	a.Ino = readmeIno
}

// Open never waits.
func (f *readmeFile) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	return &bytesHandle{readmeText}, fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH, 0
}
