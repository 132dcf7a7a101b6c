package fs

import (
	"context"
	"log/slog"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/library"
	"veriffs/veriff"
)

// tree is what all nodes share.
type tree struct {
	lib               *library.Library
	log               *slog.Logger
	uid, gid          uint32
	dirMode, fileMode uint32
	queue             queue // of invalidations
	inodes            inodes
	interest          *interest
	accounts          *accounts
	gate
	sessions *collection[veriff.SessionID]
	contexts *collection[veriff.SessionID]
	metadata *collection[veriff.SessionID]
	attempts *collection[veriff.AttemptID]
}

// dirAttr fills in the attributes of a directory.
func (t *tree) dirAttr(a *fuse.Attr, mtime time.Time, subdirectories int) {
	a.Mode = syscall.S_IFDIR | t.dirMode
	a.Nlink = uint32(2 + subdirectories)
	t.ownAttr(a, mtime)
	a.Blksize = 4096
	// The date of a directory comes with its listing. If that changed the ctime,
	// tar would warn of a file that changed as it was read.
	a.Ctime, a.Ctimensec = 0, 0
}

// fileAttr fills in the attributes of a file of size bytes.
func (t *tree) fileAttr(a *fuse.Attr, mtime time.Time, size int64) {
	a.Mode = syscall.S_IFREG | t.fileMode
	a.Nlink = 1
	a.Size = uint64(size)
	// Never 0 for a file with content: tar -S would store a hole.
	a.Blocks = (a.Size + 511) / 512
	// What cp and rsync read at a time: the size of one request.
	a.Blksize = 128 << 10
	t.ownAttr(a, mtime)
}

func (t *tree) ownAttr(a *fuse.Attr, mtime time.Time) {
	a.Uid, a.Gid = t.uid, t.gid
	if !mtime.IsZero() {
		a.SetTimes(&mtime, &mtime, &mtime)
	}
}

// Statfs answers from memory. The space is that of the cache.
func (t *tree) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	const block = 4096
	used, limit := t.lib.Room()
	sessions, _ := t.lib.Sessions()
	*out = fuse.StatfsOut{
		Bsize: block, Frsize: block, NameLen: 255,
		Blocks: uint64(limit) / block,
		Bfree:  uint64(max(0, limit-used)) / block,
		Bavail: uint64(max(0, limit-used)) / block,
		Files:  uint64(len(sessions)),
	}
	return 0
}
