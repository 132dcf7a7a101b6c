package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// entry is a name in a directory and what it stands for. Both methods answer
// from memory.
type entry interface {
	dirent() fuse.DirEntry // without the offset
	// look fills in the attributes and returns the inode, a new one if dir does
	// not have it under the name. It returns EAGAIN if the attributes are not in memory.
	look(ctx context.Context, dir *fusefs.Inode, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno)
}

// snapshot is the entries of a directory at one moment. They are made when they
// are asked for, so that a snapshot of a hundred thousand costs little.
type snapshot struct {
	count int
	at    func(i int) entry
}
