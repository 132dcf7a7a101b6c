// Package custody keeps what is held: it learns from whatever the API says of a held
// session, gives listings back what they lack, and makes, completes and ends holds.
//
// Promises. A hold stands from the moment it is recorded, whether anything could be
// fetched or not. What the cache has of a held session is shown, whatever the API, the
// sessions files or the catalog say. What the API once said is gone is not asked for
// again, unless somebody makes the hold again.
//
// Not promised: that all of a held session is in the cache. [Held] says what is not.
// What spares it from erasure is in package erasure, and from eviction in package cache.
//
// Concurrency. [Holds] and a [Custodian] are safe for concurrent use. Custodian.announcing
// is held while the team's store is asked about one hold, and nothing that opens a file
// takes it; the other locks, Holds.mu and that of the [hold.Set], are held for a moment.
package custody

import (
	"log/slog"
	"sync"
	"time"
	"unique"

	"veriffs/cache"
	"veriffs/internal/changes"
	"veriffs/internal/collection"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// maxAttempts is how many attempts the API lists of a session at most: with as many,
// that an older one is missing says nothing.
const maxAttempts = 10

// Parts is what Holds stand on.
type Parts struct {
	Cache    *cache.Cache
	Catalog  *store.Catalog
	Sessions *collection.Sessions
	Changes  *changes.Feed
	Log      *slog.Logger
	Now      func() time.Time
}

// Holds are the holds of a cache, and what they change about the rest of the library.
type Holds struct {
	*hold.Set
	cache    *cache.Cache
	catalog  *store.Catalog
	sessions *collection.Sessions
	changes  *changes.Feed
	log      *slog.Logger
	now      func() time.Time

	incomplete chan struct{} // holds one token when a hold may lack something

	mu    sync.Mutex               // guards what follows, for a moment
	again map[veriff.SessionID]int // how many are just holding a session
}

// NewHolds returns the holds that are in a cache.
func NewHolds(p Parts) *Holds {
	return &Holds{
		Set: store.Holds(p.Cache), cache: p.Cache, catalog: p.Catalog, sessions: p.Sessions,
		changes: p.Changes, log: p.Log, now: p.Now, incomplete: make(chan struct{}, 1), again: make(map[veriff.SessionID]int),
	}
}

// Learn writes down what came to be known of a session, and reports whether it is
// held.
func (h *Holds) Learn(id veriff.SessionID, what ...hold.Learn) (held bool) {
	if h.Of(id) == nil {
		return false
	}
	changed, err := h.Set.Learn(id, what...)
	if err != nil {
		h.log.Error("what is known of a held session could not be written down: what is new of it is not safe from eviction",
			"session", id, "error", err)
	}
	if changed {
		h.changes.Tell(changes.Change{Session: id, DocumentsChanged: true})
	}
	return true
}

// LearnListing learns from a new listing of a held session, and keeps in it what it
// lacks. It reports whether it lacks files that the hold knows of its attempt.
func (h *Holds) LearnListing(l *listing.Listing, attempts veriff.AttemptList) (lacks bool) {
	if h.Of(l.Session) == nil {
		return false
	}
	var what []hold.Learn
	if !l.OfAttempt {
		what = append(what, hold.SessionThere())
	}
	if attempts.Body != nil {
		whole := attempts.Dropped == 0 && attempts.Secret >= 0 && len(attempts.Items) < maxAttempts
		what = append(what, hold.Attempts(attempts.Items, whole, h.now()))
	}
	what = append(what, hold.Files(l.Attempt, filesOf(l), l.Proves && l.OfAttempt, h.now()))
	if !h.mayHaveAll(l) {
		what = append(what, hold.Whole(time.Time{}))
		defer h.callForMissing()
	}
	h.Learn(l.Session, what...)
	return h.Supplement(l)
}

// callForMissing has the custodian look which holds lack something.
func (h *Holds) callForMissing() {
	select {
	case h.incomplete <- struct{}{}:
	default:
	}
}

// Supplement adds to a listing what the cache has of its attempt and the API does not
// list any more, and reports whether there is any.
func (h *Holds) Supplement(l *listing.Listing) (lacks bool) {
	r := h.Of(l.Session)
	if r == nil {
		return false
	}
	var files []listing.File
	for _, a := range r.Attempts {
		if a.ID != l.Attempt {
			continue
		}
		for _, f := range a.Files {
			if !l.Has(f.ID) && h.mayHave(f.ID) {
				files = append(files, listing.File{
					ID: f.ID, ListedSize: f.Size, Type: unique.Make(listing.Type{Context: f.Context, MIMEType: f.MIMEType}),
				})
			}
		}
	}
	if len(files) > 0 {
		l.Keep(files)
	}
	return len(files) > 0
}

// mayHave reports whether a file is in the cache, as far as the index knows.
func (h *Holds) mayHave(id veriff.MediaID) bool {
	return h.cache.Has(store.File(id)) || h.cache.Stats().Loading
}

func (h *Holds) mayHaveAll(l *listing.Listing) bool {
	for _, f := range l.Files {
		if !h.mayHave(f.ID) {
			return false
		}
	}
	return true
}

// KnownGone reports whether a hold knows since when something is gone, so that it need
// not be asked for again. r may be nil.
func (h *Holds) KnownGone(r *hold.Record, since func(*hold.Record) time.Time) bool {
	return r != nil && !since(r).IsZero() && !h.askedAgain(r.Session)
}

// askAgain has the API asked for a session though it is gone, until end is called: somebody
// is just holding it.
func (h *Holds) askAgain(id veriff.SessionID) (end func()) {
	add := func(n int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.again[id] += n; h.again[id] == 0 {
			delete(h.again, id)
		}
	}
	add(1)
	return func() { add(-1) }
}

// askedAgain reports whether somebody is just holding a session, once more perhaps.
func (h *Holds) askedAgain(id veriff.SessionID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.again[id] > 0
}

// Keeps reports whether a hold knows of anything that belongs to a session.
func (h *Holds) Keeps(id veriff.SessionID) bool {
	r := h.Of(id)
	return r != nil && len(r.Attempts) > 0
}

// SetAttempts remembers in the catalog which attempts the API lists for a session, and
// those that only its hold knows. It tells of a change.
func (h *Holds) SetAttempts(id veriff.SessionID, listed []veriff.Attempt) {
	if changed, latest := h.catalog.SetAttempts(id, h.withHeld(id, listed)); changed {
		h.changes.Tell(changes.Change{Session: id, AttemptsChanged: true, NewestChanged: latest})
	}
}

// withHeld adds to a list of attempts those that it lacks of a held session.
func (h *Holds) withHeld(id veriff.SessionID, listed []veriff.Attempt) []veriff.Attempt {
	r := h.Of(id)
	if r == nil {
		return listed
	}
	has := make(map[veriff.AttemptID]bool)
	for _, a := range listed {
		has[a.ID] = true
	}
	for _, a := range r.Attempts {
		if !has[a.ID] && !a.ID.IsZero() {
			listed = append(listed, veriff.Attempt{ID: a.ID, Created: a.Created})
		}
	}
	return listed
}

// Show has every held session in the collection, whatever the sessions files say, and
// its attempts in the catalog, whatever became of that.
func (h *Holds) Show() {
	for _, r := range h.All() {
		if len(r.Attempts) == 0 && !r.Gone.IsZero() {
			continue // there is nothing to show
		}
		h.sessions.Visit(r.Session)
		if len(h.catalog.Of(r.Session)) == 0 {
			h.SetAttempts(r.Session, nil)
		}
	}
}

// Recall shows what is held after a start. A loss that the last process had still to
// erase is the hold's from now on.
func (h *Holds) Recall() {
	if err := h.Broken(); err != nil {
		h.log.Error("the record of a hold can't be read: nothing is erased until it is made again or given up", "error", err)
	}
	for _, r := range h.All() {
		h.takeLossOver(r.Session)
	}
	h.Show()
}

// takeLossOver makes a pending loss of a session something that its hold knows.
func (h *Holds) takeLossOver(id veriff.SessionID) {
	if h.catalog.Losses.Has(id) && h.Learn(id, hold.SessionGone(h.now())) {
		h.catalog.Losses.Restore(id, h.catalog.AttemptsOf(id))
	}
}

// CheckCached reads the files of a held session that are in the cache, so that what is
// damaged is fetched again as long as that is possible.
func (h *Holds) CheckCached(id veriff.SessionID) {
	r := h.Of(id)
	if r == nil { // released meanwhile
		return
	}
	for _, a := range r.Attempts {
		for _, f := range a.Files {
			if o, ok := h.cache.Get(store.File(f.ID)); ok {
				_ = o.Verify() // who is damaged is gone by that, and logged
				o.Close()
			}
		}
	}
}
