package fs

import (
	"fmt"
	"log/slog"
	"sync"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"veriffs/internal/library"
)

// notices is the one queue by which the kernel is told that something it
// keeps has changed. Such a call can block until the kernel's own operations
// on that directory have ended, so it is never made from a handler of the
// same directory, nor with a lock held.
type notices struct {
	mu      sync.Mutex
	pending []func()
	closed  bool
	wake    chan struct{} // holds one token while there is something to do
	done    chan struct{}
}

func (n *notices) start(log *slog.Logger) {
	n.wake = make(chan struct{}, 1)
	n.done = make(chan struct{})
	go n.run(log)
}

func (n *notices) run(log *slog.Logger) {
	defer close(n.done)
	for range n.wake {
		for {
			n.mu.Lock()
			work := n.pending
			n.pending = nil
			n.mu.Unlock()
			if len(work) == 0 {
				break
			}
			for _, f := range work {
				contain(log, f)
			}
		}
	}
}

// contain runs f; a panic in it is logged and goes no further.
func contain(log *slog.Logger, f func()) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("a panic was contained", "panic", fmt.Sprint(p))
		}
	}()
	f()
}

// add queues f. After stop it does nothing and reports false.
func (n *notices) add(f func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.pending = append(n.pending, f)
	select {
	case n.wake <- struct{}{}:
	default:
	}
	return true
}

// stop ends the queue once what is in it is done.
func (n *notices) stop() {
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		close(n.wake)
	}
	n.mu.Unlock()
	<-n.done
}

// changed queues what the kernel must be told about a change. A notice about
// something that the kernel does not keep fails, which is as good.
func (t *tree) changed(c library.Change) {
	queued := t.notices.add(func() {
		if c.Done != nil {
			defer c.Done()
		}
		if c.Erased != nil {
			t.dropPages(t.sessions.Root(), c.Erased)
		}
		for _, id := range c.SessionsGone {
			t.sessions.NotifyEntry(id.String())
		}
		if c.SessionsChanged {
			t.sessions.NotifyContent(0, 0)
		}
		if c.Session.IsZero() {
			return
		}
		node := t.sessions.GetChild(c.Session.String())
		if node == nil {
			return
		}
		for _, name := range c.FilesGone {
			node.NotifyEntry(name)
		}
		node.NotifyContent(0, 0)
	})
	if !queued && c.Done != nil {
		c.Done()
	}
}

// dropPages makes the kernel forget the contents of files that were erased, in
// whatever directory it has met them. It may fill pages again for those who
// have such a file open; see mediaHandle.Release.
func (t *tree) dropPages(dir *fusefs.Inode, erased func(*library.File) bool) {
	for _, child := range dir.Children() {
		f, ok := child.Operations().(*mediaFile)
		switch {
		case !ok:
			t.dropPages(child, erased)
		case erased(f.file):
			f.content.Store(erasedContent)
			child.NotifyContent(0, 0)
		}
	}
}
