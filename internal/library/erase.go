package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/veriff"
)

// Erasure is the evidence of an erasure. What was erased is named by the
// keyed hash that was its file's name, which tells whoever doesn't have the
// secret nothing.
type Erasure struct {
	Session string `json:"session,omitempty"` // whose data were erased; empty: everybody's
	cache.Report
	// Pages says what the kernel held of the files in memory: "dropped", or
	// "none" if nothing was mounted.
	Pages string `json:"kernel_pages"`
}

// What became of the kernel's pages.
const (
	pagesDropped = "dropped"
	pagesNone    = "none"
)

// EraseSession erases everything that is kept of a session: its files, those
// of earlier attempts too, its listings and documents, what memory and the
// kernel hold of them. The session itself can be entered again, and is asked
// for anew then.
//
// A file that somebody has open stays readable to them until they close it;
// its blocks on the disk, which are sealed, are freed then. What is being
// fetched when the erasure begins is waited for and erased.
func (l *Library) EraseSession(ctx context.Context, id veriff.SessionID) (Erasure, error) {
	prefix := "session/" + id.String() + "/"
	attempts := l.catalog.of(id)
	lists := make(map[string]bool) // keys of the lists of its attempts
	files := make(map[veriff.MediaID]bool)
	if last, ok := l.listings.present(id); ok {
		last.collect(files)
	}
	for _, attempt := range attempts {
		lists[string(attemptMediaKey(attempt))] = true
		if last, ok := l.attempts.present(attempt); ok {
			last.collect(files)
		}
	}
	match := func(k cache.Key, text []byte, _ time.Time) bool {
		key := string(k)
		if media, ok := strings.CutPrefix(key, "media/"); ok {
			m, err := veriff.ParseMediaID(media)
			if err == nil && files[m] {
				return true
			}
		}
		return strings.HasPrefix(key, prefix) || lists[key] || labelOfSession(text) == id.String()
	}
	e := Erasure{Session: id.String()}
	err := l.erase(ctx, &e, match, func() Change {
		l.catalog.forgetFiles(files)
		l.catalog.setAttempts(id, nil)
		l.listings.memory.Remove(id)
		for _, attempt := range attempts {
			l.attempts.memory.Remove(attempt)
		}
		for kind := range DocumentKinds {
			l.documents.memory.Remove(documentKey{id, kind})
		}
		return Change{
			SessionsChanged: l.sessions.forget(id), AttemptsChanged: true, NewestChanged: true, Session: id,
			Erased:        func(f *File) bool { return f.In.Session == id || files[f.ID] },
			ErasedSession: func(other veriff.SessionID) bool { return other == id },
		}
	})
	if err != nil {
		return e, fmt.Errorf("library: erase session %s: %w", id, err)
	}
	l.log.Info("a session was erased from the cache", "session", id, "objects", len(e.Erased))
	return e, nil
}

// EraseAll erases everything that is kept of every session.
func (l *Library) EraseAll(ctx context.Context) (Erasure, error) {
	var e Erasure
	err := l.erase(ctx, &e, func(cache.Key, []byte, time.Time) bool { return true }, func() Change {
		l.catalog.forgetAll()
		l.listings.memory.Purge()
		l.attempts.memory.Purge()
		l.documents.memory.Purge()
		return Change{
			SessionsChanged: l.sessions.forgetAll(), AttemptsChanged: true, NewestChanged: true,
			Erased:        func(*File) bool { return true },
			ErasedSession: func(veriff.SessionID) bool { return true },
		}
	})
	if err != nil {
		return e, fmt.Errorf("library: erase everything: %w", err)
	}
	l.log.Info("everything was erased from the cache", "objects", len(e.Erased))
	return e, nil
}

// erase carries an erasure out. forget drops what memory knows; it runs before
// the disk is read, and again after it, because a listing may have been read
// back from the disk meanwhile.
func (l *Library) erase(ctx context.Context, e *Erasure, match func(cache.Key, []byte, time.Time) bool, forget func() Change) error {
	l.erasing.Lock()
	defer l.erasing.Unlock()
	if err := errors.Join(l.listings.under.settle(ctx), l.attempts.under.settle(ctx),
		l.documents.under.settle(ctx), l.bodies.settle(ctx), l.fetches.settle(ctx)); err != nil {
		return err
	}
	before := forget()
	l.disownAll(match)
	// The catalog holds dates and sizes of everybody; it is written anew.
	if err := l.cache.Remove(catalogKey); err != nil {
		return err
	}
	var err error
	e.Report, err = l.cache.Purge(ctx, match)
	change := forget()
	change.SessionsChanged = change.SessionsChanged || before.SessionsChanged
	l.catalog.save(l.cache)
	e.Pages = pagesNone
	if l.tellAndWait(ctx, change) {
		e.Pages = pagesDropped
	}
	return err
}

// disownAll makes the next open of files that are open now fetch them again.
func (l *Library) disownAll(match func(cache.Key, []byte, time.Time) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, o := range l.open {
		if match(mediaKey(id), o.Label(), o.Stored()) {
			delete(l.open, id)
		}
	}
}

// tellAndWait tells the observer of a change and waits until it was acted on.
// It reports false if there is no observer or ctx ended first.
func (l *Library) tellAndWait(ctx context.Context, c Change) bool {
	done := make(chan struct{})
	c.Done = sync.OnceFunc(func() { close(done) })
	if !l.observer.tell(c) {
		return false
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// collect adds a listing's files to a set.
func (l *Listing) collect(files map[veriff.MediaID]bool) {
	for i := range l.Files {
		files[l.Files[i].ID] = true
	}
}

func labelOfSession(text []byte) string {
	var lb label
	if json.Unmarshal(text, &lb) != nil {
		return ""
	}
	return lb.Session
}

// settle waits for the work that is under way now.
func (f *flights[K, V]) settle(ctx context.Context) error {
	f.mu.Lock()
	under := make([]<-chan struct{}, 0, len(f.now))
	for _, current := range f.now {
		under = append(under, current.done)
	}
	f.mu.Unlock()
	for _, done := range under {
		select {
		case <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// forget drops a session that is in the set only because somebody entered it.
func (s *sessionSet) forget(id veriff.SessionID) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := search(s.visited, id)
	if !ok {
		return false
	}
	s.visited = slices.Delete(s.visited, n, n+1)
	s.version++
	return true
}

func (s *sessionSet) forgetAll() (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.visited) == 0 {
		return false
	}
	clear(s.visited)
	s.version++
	return true
}

// forgetFiles drops what is known of files.
func (c *catalog) forgetFiles(files map[veriff.MediaID]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.sizes) + len(c.numbers)
	for id := range files {
		delete(c.sizes, id)
		delete(c.numbers, id)
	}
	if len(c.sizes)+len(c.numbers) != before {
		c.markLocked()
	}
}

// forgetAll empties the catalog. There is nothing worth writing after it.
func (c *catalog) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	c.version++
	select {
	case <-c.dirty:
	default:
	}
}
