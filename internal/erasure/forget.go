package erasure

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/changes"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// forget drops what memory knows of the doomed, and returns what has changed
// by that.
func (e *Eraser) forget(d *doomed) changes.Change {
	if d.everything {
		return e.forgetAll()
	}
	change := changes.Change{AttemptsChanged: true}
	for id := range d.sessions {
		_, newest := e.Catalog.SetAttempts(id, nil)
		change.NewestChanged = change.NewestChanged || newest
		change.SessionsChanged = e.Sessions.Forget(id) || change.SessionsChanged
		change.Session = id // the directories of several have gone before
		e.SessionLists.Drop(id)
		for kind := range listing.DocumentKinds {
			e.Documents.Drop(listing.DocumentID{Session: id, Kind: kind})
		}
	}
	for attempt, left := range d.attempts {
		if !left.exists {
			e.AttemptLists.Drop(attempt)
		}
	}
	e.Catalog.ForgetFiles(d.files)
	// d goes on to change while the observer looks.
	sessions, attempts, files := maps.Clone(d.sessions), maps.Clone(d.attempts), maps.Clone(d.files)
	change.Erased = func(f *listing.File) bool {
		left, doomed := attempts[f.In.Attempt]
		return sessions[f.In.Session] || files[f.ID] || f.In.OfAttempt && doomed && !left.listed
	}
	change.ErasedSession = func(id veriff.SessionID) bool { return sessions[id] }
	return change
}

// forgetAll is forget for everybody. What is held shows again at once.
func (e *Eraser) forgetAll() changes.Change {
	e.Catalog.Clear()
	e.SessionLists.Forget()
	e.AttemptLists.Forget()
	e.Documents.Forget()
	forgotten := e.Sessions.ForgetAll()
	e.Holds.Show()
	return changes.Change{
		SessionsChanged: forgotten, AttemptsChanged: true, NewestChanged: true,
		Erased:        func(*listing.File) bool { return true },
		ErasedSession: func(veriff.SessionID) bool { return true },
	}
}

// unpin takes away the pins of what was erased, also of what was not fetched yet.
func unpin(c *cache.Cache, d *doomed) (err error) {
	for id := range d.files {
		err = errors.Join(err, c.Unpin(store.File(id)))
	}
	for id := range d.sessions {
		for kind := range listing.DocumentKinds {
			err = errors.Join(err, c.Unpin(store.Document(listing.DocumentID{Session: id, Kind: kind})))
		}
	}
	for id, left := range d.attempts {
		if !left.exists {
			err = errors.Join(err, c.Unpin(store.AttemptList(id)))
		}
	}
	return err
}

// pagesPatience is how long the kernel may take to drop its pages.
const pagesPatience = 30 * time.Second

// dropPages has the observer act on an erasure, and returns what became of the
// kernel's pages.
func dropPages(ctx context.Context, feed *changes.Feed, change changes.Change) string {
	done := make(chan struct{})
	change.Done = sync.OnceFunc(func() { close(done) })
	if !feed.Tell(change) {
		return pagesNone
	}
	select {
	case <-done:
		return pagesDropped
	case <-ctx.Done():
	case <-time.After(pagesPatience):
	}
	return pagesPending
}
