package fs

import (
	"maps"
	"slices"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"veriffs/internal/library"
	"veriffs/veriff"
)

// changed queues the invalidations that a change calls for. Invalidating what
// the kernel does not cache fails, which does no harm.
func (t *tree) changed(c library.Change) {
	queued := t.queue.add(func() {
		if c.Done != nil {
			defer c.Done()
		}
		t.invalidate(c)
	})
	if !queued && c.Done != nil {
		c.Done()
	}
}

func (t *tree) invalidate(c library.Change) {
	root := t.sessions.Root()
	if c.Erased != nil || c.ErasedSession != nil {
		erasePages(root, c)
	}
	if c.NewestChanged { // the date of these directories
		invalidateAttributes(root)
		for _, dir := range root.Children() {
			invalidateAttributes(dir)
		}
	}
	for _, dir := range []*collection[veriff.SessionID]{t.sessions, t.contexts, t.metadata} {
		invalidateIDs(&dir.Inode, c.SessionsGone, c.SessionsChanged)
	}
	invalidateIDs(&t.attempts.Inode, c.AttemptsGone, c.AttemptsChanged)
	if !c.Session.IsZero() {
		t.invalidateSession(c)
	}
	if node := t.attempts.GetChild(c.Attempt.String()); node != nil {
		invalidateDir(node, t.gone(node, c))
	}
}

// gone returns the names that are stale in a directory of media files. Where not all are
// shown, one that is still listed may be shown no more.
func (t *tree) gone(dir *fusefs.Inode, c library.Change) []string {
	if t.lib.Shown().All() {
		return c.FilesGone
	}
	return childNames(dir)
}

// invalidateSession invalidates the directories of one session in each
// collection.
func (t *tree) invalidateSession(c library.Change) {
	name := c.Session.String()
	if node := t.metadata.GetChild(name); node != nil {
		var stale []string
		if c.DocumentsChanged {
			stale = childNames(node)
		}
		invalidateDir(node, stale)
	}
	if node := t.sessions.GetChild(name); node != nil {
		invalidateDir(node, t.gone(node, c))
	}
	if node := t.contexts.GetChild(name); node != nil {
		invalidateDir(node, childNames(node)) // a name may have come to mean another file
	}
}

// invalidateIDs invalidates the dentries of ids that are gone from a collection
// and, if the set has changed, its directory entries.
func invalidateIDs[ID id](dir *fusefs.Inode, gone []ID, changed bool) {
	for _, id := range gone {
		dir.NotifyEntry(id.String())
	}
	if changed {
		dir.NotifyContent(0, 0)
	}
}

// invalidateDir invalidates a directory's attributes and entries, and the
// dentries of stale names.
func invalidateDir(dir *fusefs.Inode, stale []string) {
	for _, name := range stale {
		dir.NotifyEntry(name)
	}
	dir.NotifyContent(0, 0)
}

// invalidateAttributes leaves the contents alone.
func invalidateAttributes(node *fusefs.Inode) { node.NotifyContent(-1, 0) }

func childNames(dir *fusefs.Inode) []string { return slices.Collect(maps.Keys(dir.Children())) }
