//go:build linux

package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// The bare file system is the least that go-fuse can do: it shows a tree of
// plain files that never changes, and copies from them into the kernel's
// buffers. It is mounted with the settings of veriffs, so any longer time is
// veriffs's own.

type bareDir struct {
	fusefs.Inode
	path string
}

type bareFile struct {
	fusefs.Inode
	path string
	info os.FileInfo
}

type bareHandle struct{ *os.File }

var (
	_ fusefs.NodeOnAdder   = (*bareDir)(nil)
	_ fusefs.NodeGetattrer = (*bareFile)(nil)
	_ fusefs.NodeOpener    = (*bareFile)(nil)
	_ fusefs.FileReader    = bareHandle{}
	_ fusefs.FileReleaser  = bareHandle{}
)

func (d *bareDir) OnAdd(ctx context.Context) {
	for _, e := range must(os.ReadDir(d.path)) {
		path := filepath.Join(d.path, e.Name())
		if e.IsDir() {
			node := &bareDir{path: path}
			d.AddChild(e.Name(), d.NewPersistentInode(ctx, node, fusefs.StableAttr{Mode: syscall.S_IFDIR}), false)
			continue
		}
		node := &bareFile{path: path, info: must(e.Info())}
		d.AddChild(e.Name(), d.NewPersistentInode(ctx, node, fusefs.StableAttr{Mode: syscall.S_IFREG}), false)
	}
}

func (f *bareFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	mtime := f.info.ModTime()
	out.Mode, out.Nlink, out.Size = syscall.S_IFREG|0o400, 1, uint64(f.info.Size())
	out.Blocks, out.Blksize = (out.Size+511)/512, 128<<10
	out.SetTimes(&mtime, &mtime, &mtime)
	return 0
}

func (f *bareFile) Open(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, 0, syscall.EIO
	}
	return bareHandle{file}, fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH, 0
}

func (h bareHandle) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n, err := h.ReadAt(dest, off)
	if err != nil && err != io.EOF {
		return nil, syscall.EIO
	}
	return fuse.ReadResultData(dest[:n]), 0
}

func (h bareHandle) Release(context.Context) syscall.Errno {
	h.Close()
	return 0
}

// serveBare is the role of the process that serves it.
func serveBare(ctx context.Context, args []string) {
	long := time.Hour
	server := must(fusefs.Mount(args[1], &bareDir{path: args[0]}, &fusefs.Options{
		EntryTimeout: &long, AttrTimeout: &long, NegativeTimeout: &long,
		// As fs.New mounts.
		MountOptions: fuse.MountOptions{
			FsName: "bare", Name: "barefs",
			Options:           []string{"ro", "default_permissions", "nosuid", "nodev", "noexec"},
			DirectMountStrict: os.Geteuid() == 0,
			MaxWrite:          1 << 20, MaxBackground: 512,
			DisableSplice: true, DisableXAttrs: true,
			EnableSymlinkCaching: true, ExtraCapabilities: fuse.CAP_READDIRPLUS_AUTO,
		},
	}))
	awaitEnd(ctx)
	check(server.Unmount())
}

// bare is a mounted bare file system.
type bare struct {
	child
	backing string // the plain files
}

func (b *bench) mountBare(backing string) *bare {
	m := &bare{backing: backing}
	point := must(os.MkdirTemp(b.dir, "bare-"))
	m.self("serve-bare", backing, point)
	m.awaitMount(b.ctx, point)
	if os.Geteuid() == 0 { // others can't, nor can veriffs then
		check(os.WriteFile("/sys/class/bdi/"+deviceOf(point)+"/read_ahead_kb", []byte("4096"), 0))
	}
	return m
}
