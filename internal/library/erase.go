package library

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// eraser erases: what somebody asks for, here, and what the API no longer has,
// in gone.go.
type eraser struct {
	*core
	listings  *listings
	attempts  *attempts
	documents *documents
	files     *files

	running chan struct{} // holds one token while an erasure is at work
}

// Erasure is the evidence of an erasure. What was erased is named by the
// keyed hash that was its file's name, which tells whoever doesn't have the
// secret nothing.
type Erasure struct {
	Session string `json:"session,omitempty"` // whose data were erased; empty: everybody's
	cache.Report
	// Secrets are the ids of the secrets that opened what was read.
	Secrets []string `json:"secret_ids"`
	// Unattributed is the number of objects left of which is not known whose
	// they are: files of attempts whose session was never known. More than 0
	// means that the erasure of a session is not proven.
	Unattributed int64 `json:"unattributed"`
	// Held are the sessions that are held and were left for that.
	Held []Hold `json:"held,omitempty"`
	// Pages says what the kernel held of the files in memory: "dropped", "none"
	// if nothing was mounted, or "pending" if it was told but has not answered,
	// because a program waits in the directory.
	Pages string `json:"kernel_pages"`
}

// What became of the kernel's pages.
const (
	pagesDropped = "dropped"
	pagesNone    = "none"
	pagesPending = "pending"
)

// EraseSession erases everything that is kept of a session: its files, those
// of earlier attempts too, its listings and documents, what memory and the
// kernel hold of them. The session itself can be entered again, and is asked
// for anew then.
//
// A file that somebody has open stays readable to them until they close it;
// its blocks on the disk, which are sealed, are freed then. What is being fetched
// when the erasure begins is stopped, and what there is of it erased; whoever waits
// for it has it fetched again once the erasure has ended.
//
// Errors: ErrHeld if it is held; nothing is erased then.
func (l *eraser) EraseSession(ctx context.Context, id veriff.SessionID) (Erasure, error) {
	if held, err := l.refuseHeld([]veriff.SessionID{id}); err != nil {
		return l.refused(id.String(), held), fmt.Errorf("library: nothing was erased: %w", err)
	}
	e, err := l.eraseForGood(ctx, l.doomSession(id))
	e.Session = id.String()
	if err != nil {
		return e, fmt.Errorf("library: erase session %s: %w", id, err)
	}
	l.log.Info("a session was erased from the cache", "session", id, "objects", len(e.Erased))
	return e, nil
}

// EraseAll erases everything that is kept of every session, also what secrets
// sealed that are not configured. With exceptHeld it leaves what is held, otherwise
// it erases nothing if anything is: ErrHeld.
func (l *eraser) EraseAll(ctx context.Context, exceptHeld bool) (Erasure, error) {
	held, err := l.refuseAll(exceptHeld)
	if err != nil {
		return l.refused("", held), fmt.Errorf("library: nothing was erased: %w", err)
	}
	e, err := l.eraseForGood(ctx, &doomed{everything: true})
	e.Held = held
	if err != nil {
		return e, fmt.Errorf("library: erase everything: %w", err)
	}
	l.log.Info("everything was erased from the cache", "objects", len(e.Erased), "held sessions", len(held))
	return e, nil
}

// eraseForGood is an erasure that somebody asked for: nothing of it may come
// back with a power cut. The catalog, which holds dates and sizes of
// everybody, is therefore removed before it is written anew.
func (l *eraser) eraseForGood(ctx context.Context, d *doomed) (Erasure, error) {
	e, err := l.erase(ctx, d)
	if err == nil {
		err = l.cache.Remove(store.CatalogKey)
		l.catalog.Save()
	}
	e.Proven = e.Proven && err == nil
	return e, err
}

// doomed says whose data an erasure takes, going by the label that is sealed
// with each object. It is the only rule of what is erased, and of what is held.
type doomed struct {
	everything bool
	sessions   map[veriff.SessionID]bool
	thinned    map[veriff.SessionID]bool    // that lose what none of their attempts lists any more
	attempts   map[veriff.AttemptID]remains // that lose files
	// lists reports whether an attempt of a session lists a file, and whether that is
	// known of all its attempts.
	lists func(veriff.SessionID, veriff.AttemptID, veriff.MediaID) (listed, known bool)
	// owner returns the session of an attempt, zero if it is not known.
	owner func(veriff.AttemptID) veriff.SessionID
	// held reports whether somebody holds what belongs to one of them; zero is unknown.
	held func(veriff.SessionID, veriff.AttemptID, veriff.MediaID) bool

	files        map[veriff.MediaID]bool // taken
	unattributed map[cache.Key]bool      // whose they are is not known
	unsure       bool                    // whether something is still listed is not known: it was left
}

// remains is what is left of an attempt.
type remains struct {
	listed bool // the files that an attempt of its session still lists, else none
	exists bool // the attempt itself is still there, and so is its listing
}

// doomSession returns what is known to belong to a session.
func (l *eraser) doomSession(id veriff.SessionID) *doomed {
	d := &doomed{
		sessions: map[veriff.SessionID]bool{id: true},
		attempts: make(map[veriff.AttemptID]remains),
		files:    make(map[veriff.MediaID]bool),
	}
	for _, attempt := range l.attemptsOf(id) {
		d.attempts[attempt] = remains{}
		if last, ok := l.attempts.answers.Present(attempt); ok {
			collect(d.files, last)
		}
	}
	if last, ok := l.listings.answers.Present(id); ok {
		collect(d.files, last)
	}
	return d
}

// takes reports whether an object goes. It learns on the way which attempts a
// session had: the objects before are read again.
func (d *doomed) takes(key cache.Key, text []byte) bool {
	label, _ := store.ParseLabel(text) // without one it is nobody's
	session, attempt := label.Owners()
	media, isMedia := store.FileOf(key)
	if d.held(session, attempt, media) {
		return false
	}
	if d.everything {
		return true
	}
	left, doomed := d.attempts[attempt]
	if !doomed && d.thinned[session] {
		left, doomed = remains{listed: true, exists: true}, true
	}
	switch {
	case d.sessions[session]:
		if !attempt.IsZero() && !doomed {
			d.attempts[attempt] = remains{}
		}
	case session.IsZero() && isMedia && d.files[media]: // a list of the session has it
	case doomed && isMedia && left.listed && d.stays(session, attempt, media):
		return false
	case doomed && (isMedia || !left.exists):
	default:
		if session.IsZero() && (isMedia || !attempt.IsZero()) && d.owner(attempt).IsZero() {
			d.unattributed[key] = true
		}
		return false
	}
	if isMedia {
		d.files[media] = true
	}
	delete(d.unattributed, key) // whose it is was learnt since
	return true
}

// stays reports whether a file of an attempt that loses files is not known to be
// lost.
func (d *doomed) stays(session veriff.SessionID, attempt veriff.AttemptID, media veriff.MediaID) bool {
	listed, known := d.lists(session, attempt, media)
	d.unsure = d.unsure || !listed && !known
	return listed || !known
}

// collect adds a listing's files to a set.
func collect(files map[veriff.MediaID]bool, l *Listing) {
	for i := range l.Files {
		files[l.Files[i].ID] = true
	}
}

// erase carries an erasure out. Memory is cleared before the disk is read, and
// again after it, because a listing may have been read back meanwhile.
func (l *eraser) erase(ctx context.Context, d *doomed) (e Erasure, err error) {
	select {
	case l.running <- struct{}{}:
		defer func() { <-l.running }()
	case <-ctx.Done():
		return e, context.Cause(ctx)
	}
	if d.files == nil {
		d.files = make(map[veriff.MediaID]bool)
	}
	d.unattributed = make(map[cache.Key]bool)
	d.owner = func(id veriff.AttemptID) veriff.SessionID { s, _ := l.catalog.Attempt(id); return s }
	d.held = func(s veriff.SessionID, a veriff.AttemptID, m veriff.MediaID) bool {
		return l.holds.Owner(s, a, m) != nil
	}
	d.lists = l.lists
	up := newFence(d)
	l.fence.Store(up)
	lower := sync.OnceFunc(func() {
		l.fence.Store(nil)
		close(up.down)
	})
	defer lower()
	if err := l.stop(ctx, up); err != nil {
		return e, err
	}
	before := l.forget(d)
	l.files.disownTaken(d)
	if err := l.unpin(d); err != nil { // what is known of them by now
		return e, err
	}
	purge := l.cache.Purge
	if d.everything {
		purge = l.cache.PurgeAll
	}
	e.Report, err = purge(ctx, func(k cache.Key, text []byte, _ time.Time) bool { return d.takes(k, text) })
	e.Secrets = l.client.SecretIDs()
	e.Unattributed = int64(len(d.unattributed))
	e.Proven = e.Proven && e.Unattributed == 0
	l.files.disownTaken(d) // what was opened before it was unlinked
	change := l.forget(d)
	err = errors.Join(err, l.unpin(d))
	change.SessionsChanged = change.SessionsChanged || before.SessionsChanged
	// The kernel can't be told while a lookup in that directory waits for us.
	lower()
	if e.Pages = l.dropPages(ctx, change); e.Pages == pagesPending {
		e.Proven = false
	}
	return e, err
}

// forget drops what memory knows of the doomed, and returns what has changed
// by that.
func (l *eraser) forget(d *doomed) Change {
	if d.everything {
		l.catalog.Clear()
		l.listings.answers.Forget()
		l.attempts.answers.Forget()
		l.documents.answers.Forget()
		forgotten := l.sessions.ForgetAll()
		l.showHeld()
		return Change{
			SessionsChanged: forgotten, AttemptsChanged: true, NewestChanged: true,
			Erased:        func(*File) bool { return true },
			ErasedSession: func(veriff.SessionID) bool { return true },
		}
	}
	change := Change{AttemptsChanged: true}
	for id := range d.sessions {
		_, newest := l.catalog.SetAttempts(id, nil)
		change.NewestChanged = change.NewestChanged || newest
		change.SessionsChanged = l.sessions.Forget(id) || change.SessionsChanged
		change.Session = id // the directories of several have gone before
		l.listings.answers.Drop(id)
		for kind := range listing.DocumentKinds {
			l.documents.answers.Drop(documentKey{id, kind})
		}
	}
	for attempt, left := range d.attempts {
		if !left.exists {
			l.attempts.answers.Drop(attempt)
		}
	}
	l.catalog.ForgetFiles(d.files)
	// d goes on to change while the observer looks.
	sessions, attempts, files := maps.Clone(d.sessions), maps.Clone(d.attempts), maps.Clone(d.files)
	change.Erased = func(f *File) bool {
		left, doomed := attempts[f.In.Attempt]
		return sessions[f.In.Session] || files[f.ID] || f.In.OfAttempt && doomed && !left.listed
	}
	change.ErasedSession = func(id veriff.SessionID) bool { return sessions[id] }
	return change
}

// pagesPatience is how long the kernel may take to drop its pages.
const pagesPatience = 30 * time.Second

// dropPages has the observer act on an erasure, and returns what became of the
// kernel's pages.
func (l *eraser) dropPages(ctx context.Context, change Change) string {
	done := make(chan struct{})
	change.Done = sync.OnceFunc(func() { close(done) })
	if !l.observer.tell(change) {
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

// unpin takes away the pins of what was erased, also of what was not fetched yet.
func (l *eraser) unpin(d *doomed) (err error) {
	for id := range d.files {
		err = errors.Join(err, l.cache.Unpin(store.File(id)))
	}
	for id := range d.sessions {
		for kind := range listing.DocumentKinds {
			err = errors.Join(err, l.cache.Unpin(documentKey{id, kind}.key()))
		}
	}
	for id, left := range d.attempts {
		if !left.exists {
			err = errors.Join(err, l.cache.Unpin(store.AttemptList(id)))
		}
	}
	return err
}
