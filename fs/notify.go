package fs

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"veriffs/internal/library"
	"veriffs/veriff"
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
		if c.Erased != nil || c.ErasedSession != nil {
			t.dropPages(t.sessions.Root(), c)
		}
		if c.NewestChanged {
			t.sessions.Root().NotifyContent(-1, 0)
			for _, dir := range t.sessions.Root().Children() {
				dir.NotifyContent(-1, 0)
			}
		}
		for _, trees := range []*collection[veriff.SessionID]{t.sessions, t.contexts, t.metadata} {
			for _, id := range c.SessionsGone {
				trees.NotifyEntry(id.String())
			}
			if c.SessionsChanged {
				trees.NotifyContent(0, 0)
			}
		}
		for _, id := range c.AttemptsGone {
			t.attempts.NotifyEntry(id.String())
		}
		if c.AttemptsChanged {
			t.attempts.NotifyContent(0, 0)
		}
		if !c.Session.IsZero() {
			t.sessionChanged(c)
		}
		if node := t.attempts.GetChild(c.Attempt.String()); node != nil {
			renewed(node, c.FilesGone)
		}
	})
	if !queued && c.Done != nil {
		c.Done()
	}
}

// dropPages makes the kernel forget the contents of files that were erased, in
// whatever directory it has met them. It may fill pages again for those who
// have such a file open; see mediaHandle.Release.
func (t *tree) dropPages(dir *fusefs.Inode, c library.Change) {
	for _, child := range dir.Children() {
		switch f := child.Operations().(type) {
		case *mediaFile:
			if c.Erased != nil && c.Erased(f.file) {
				f.content.Store(erasedContent)
				child.NotifyContent(0, 0)
			}
		case *documentFile:
			if c.ErasedSession != nil && c.ErasedSession(f.id) {
				f.content.Store(erasedContent)
				child.NotifyContent(0, 0)
			}
		default:
			t.dropPages(child, c)
		}
	}
}

// sessionChanged tells of a change of one session in every tree.
func (t *tree) sessionChanged(c library.Change) {
	name := c.Session.String()
	if node := t.metadata.GetChild(name); node != nil {
		gone := childNames(node)
		if !c.DocumentsChanged {
			gone = nil
		}
		renewed(node, gone)
	}
	if node := t.sessions.GetChild(name); node != nil {
		renewed(node, c.FilesGone)
	}
	if node := t.contexts.GetChild(name); node != nil {
		renewed(node, childNames(node)) // a name may have come to mean another file
	}
}

// renewed makes the kernel forget a directory's attributes and entries, and
// that it has these names.
func renewed(dir *fusefs.Inode, gone []string) {
	for _, name := range gone {
		dir.NotifyEntry(name)
	}
	dir.NotifyContent(0, 0)
}

func childNames(dir *fusefs.Inode) []string { return slices.Collect(maps.Keys(dir.Children())) }
