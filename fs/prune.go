package fs

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"veriffs/internal/library"
)

const (
	// inodesKept is how many inodes the kernel may keep without being asked to
	// let go. Each costs some 350 bytes here and 1.2 KB there, and the kernel
	// by itself forgets only when memory is short.
	inodesKept = 100_000
	// pruneEvery is how often that is looked at. A mount that is being walked
	// is left alone up to twice as many: its inodes are in use.
	pruneEvery = 5 * time.Second
	// pruneBatch bounds one notice, in inodes.
	pruneBatch = 4096
)

// inodes counts the nodes that the kernel holds.
type inodes struct {
	most int64
	live atomic.Int64
	stop chan struct{}
	end  sync.Once // closes stop
	done chan struct{}
}

// newMediaFile returns a node for a file, for NewInode.
func (t *tree) newMediaFile(file *library.File) *mediaFile {
	t.inodes.live.Add(1)
	return &mediaFile{tree: t, file: file}
}

// Inodes returns how many files the kernel holds.
func (m *Mount) Inodes() int64 { return m.tree.inodes.live.Load() }

// OnForget is called when the kernel has let go of a file.
func (f *mediaFile) OnForget() { f.inodes.live.Add(-1) }

var _ fusefs.NodeOnForgetter = (*mediaFile)(nil)

// keepFewInodes asks the kernel, once a walk over very many files has ended,
// to forget those of them that nobody opened. Their listings leave memory
// with them, and come back from the sealed store.
func (t *tree) keepFewInodes() {
	defer close(t.inodes.done)
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	var last int64
	for {
		select {
		case <-t.inodes.stop:
			return
		case <-tick.C:
		}
		live := t.inodes.live.Load()
		if quiet := live == last; live > 2*t.inodes.most || quiet && live > t.inodes.most {
			contain(t.log, func() { t.prune(live) })
			live = t.inodes.live.Load()
		}
		last = live
	}
}

// prune asks for all inodes of files that were looked at and never opened:
// what was read has pages in the kernel that are worth keeping.
func (t *tree) prune(live int64) {
	var batch []*fusefs.Inode
	flush := func() bool {
		errno := t.sessions.NotifyPrune(batch)
		batch = batch[:0]
		return errno != syscall.ENOSYS // a kernel before protocol 7.45
	}
	var walk func(dir *fusefs.Inode) bool
	walk = func(dir *fusefs.Inode) bool {
		for _, child := range dir.Children() {
			switch f, ok := child.Operations().(*mediaFile); {
			case !ok:
				if !walk(child) {
					return false
				}
			case f.content.Load() == 0:
				batch = append(batch, child)
			}
			if len(batch) >= pruneBatch && !flush() {
				return false
			}
		}
		return true
	}
	if !walk(t.sessions.Root()) || !flush() {
		return
	}
	// The heap has shrunk by much at once; the collector would return the
	// memory over minutes.
	debug.FreeOSMemory()
	t.log.Debug("the kernel was asked to forget files that were only looked at", "files", live)
}
