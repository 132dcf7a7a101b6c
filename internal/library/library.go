// Package library knows the sessions of a mount and how to get their files: it
// asks the API for listings, fetches, verifies and stores objects, and answers
// from the cache whenever it can.
//
// Promises. A file opens whole and verified, or not at all. It is fetched once,
// however many wait for it. Absence is reported only when the API said so or a
// complete listing shows it. Only the API's signed word, or a purge, destroys
// anything, by the label sealed with each object. Every wait ends with its context.
//
// Not promised: that a listing is newer than its time to live, or that prefetched
// files are opened. A Library knows nothing of inodes or of the kernel: whoever
// shows it to a kernel learns through [Library.Observe] what has changed.
//
// Concurrency. A [Library] may be used by any number of goroutines; its parts are
// types of their own over one core. files.mu guards the objects that are open,
// readAhead.mu the prediction. Neither is held across the network or a disk, and
// they are never held together. Work on what an erasure may take goes through core.gate:
// see package erasure.
package library

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"veriffs/cache"
	"veriffs/internal/answers"
	"veriffs/internal/changes"
	"veriffs/internal/custody"
	"veriffs/internal/erasure"
	"veriffs/internal/flight"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/notice"
	"veriffs/internal/reach"
	"veriffs/internal/readahead"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// Errors that the callers of a library tell apart. Those of package veriff
// pass through wrapped: ErrRefused, ErrSignature, ErrServer and the others.
var (
	// ErrNotFound: the API, or a complete listing, says that it is not there.
	ErrNotFound = veriff.ErrNotFound
	// ErrOffline: the API could not be reached a moment ago, so it was not
	// asked again; what is in the cache keeps working.
	ErrOffline = reach.ErrOffline
	// ErrIncomplete: the listing has entries that can't be used, so what it
	// lacks may be there all the same.
	ErrIncomplete = listing.ErrIncomplete
	// ErrHeld: a hold forbids it.
	ErrHeld = erasure.ErrHeld
	// ErrTeamHolds: the team's store could not be asked about holds, or told of one.
	ErrTeamHolds = notice.ErrStore
	// ErrElsewhere: the hold is in a team's store, and there is none.
	ErrElsewhere = notice.ErrElsewhere
	// ErrNoHold: the session is not held.
	ErrNoHold = hold.ErrNone
	// ErrEphemeral: a cache that is erased at its end can't hold anything.
	ErrEphemeral = cache.ErrEphemeral
)

// Defaults of the options of the same name.
const (
	DefaultListTTL     = 10 * time.Minute
	DefaultConnections = 16
)

// Options is what a Library is made of. Client, Cache and Team are used, not
// owned: who made them closes them after the library.
type Options struct {
	Client *veriff.Client
	Cache  *cache.Cache
	// Team is asked for files before the API is; nil: there is none.
	Team *team.Store
	// Member says who we are to the team, see [notice.New]; nil: nobody.
	Member func(make bool) Member
	// ListTTL is how long a listing is served without asking again.
	ListTTL time.Duration
	// Connections bounds the requests under way; it should be the client's.
	Connections int
	// NoReadAhead fetches nothing that nobody opened.
	NoReadAhead bool
	// Shown is what a mount shows: nothing else is fetched for it, but by a hold or an
	// export, which are of whole sessions.
	Shown listing.Selection
	// Passive asks and erases nothing by itself: what the API no longer has is left
	// to the next mount.
	Passive bool
	// Distrusted is told of each reply of the API whose signature is missing or
	// wrong, before anybody gets the error; nil: nobody.
	Distrusted func(Subject, error)
	Logger     *slog.Logger
	Now        func() time.Time
}

// Library is the collection of sessions and their files. Its parts, each in the
// file of its name, know each other where they must.
type Library struct {
	*core
	*listings
	*attempts
	*documents
	*files
	*keeper
	*shared

	eraser      *erasure.Eraser
	custodian   *custody.Custodian
	connections int
}

// New returns a library over a client and a cache. It asks nothing yet.
func New(o Options) (*Library, error) {
	if o.ListTTL <= 0 {
		o.ListTTL = DefaultListTTL
	}
	if o.Connections <= 0 {
		o.Connections = DefaultConnections
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		// Without the monotonic clock, which stands still while the machine sleeps.
		o.Now = func() time.Time { return time.Now().Round(0) }
	}
	if o.Member == nil {
		o.Member = func(bool) Member { return Member{} }
	}
	c, board := newCore(o), notice.New(o.Team, o.Member)
	l := &Library{
		core: c, connections: o.Connections,
		listings: &listings{core: c}, attempts: &attempts{core: c}, documents: &documents{core: c},
		files:  &files{core: c, open: make(map[veriff.MediaID]*object), fetching: make(map[veriff.MediaID]*File)},
		keeper: &keeper{core: c}, shared: &shared{core: c},
	}
	l.listings.answers = newAnswers(c, l.listings, "session", listingsFiles, listingWeight)
	l.listings.attempts, l.listings.documents = l.attempts, l.documents
	l.attempts.answers = newAnswers(c, l.attempts, "attempt", listingsFiles/4, listingWeight)
	l.attempts.bodies = flight.NewGroup[veriff.AttemptID, veriff.MediaList](c.lanes, c.spawn, nil)
	l.attempts.listings = l.listings
	l.documents.answers = newAnswers(c, l.documents, "document", documentsInMemory, func(answers.Answer[Document]) int { return 1 })
	l.documents.bodies = flight.NewGroup[documentID, FullDocument](c.lanes, c.spawn, nil)
	l.documents.listings = l.listings
	l.files.fetches = flight.NewGroup[veriff.MediaID, *object](c.lanes, c.spawn, l.files.own)
	l.files.listings, l.files.attempts = l.listings, l.attempts
	_, room := l.Room()
	l.files.ahead = readahead.New(readahead.Options{
		Library: speculator{l.files}, Sessions: c.sessions, Catalog: c.catalog.Catalog, Lanes: c.lanes, Room: room, Off: o.NoReadAhead,
	})
	l.keeper.listings, l.keeper.attempts = l.listings, l.attempts
	l.eraser = newEraser(l, board)
	l.listings.eraser, l.attempts.eraser, l.shared.eraser = l.eraser, l.eraser, l.eraser
	l.custodian = custody.NewCustodian(c.holds, custody.Work{
		Listings: l.listings.answers, Attempts: l.attempts.answers, Fetch: l.fetchWhole, FetchFile: l.fetchFile, End: l.eraser.EndHold, Board: board,
	})
	if err := c.catalog.Load(); err != nil {
		c.log.Warn("the catalog of the last mount can't be read; dates show once sessions are entered", "error", err)
	}
	c.holds.Recall()
	c.spawn(c.keepCatalog)
	if !o.Passive {
		c.spawn(func() { l.eraser.Watch(c.life) })
		c.spawn(func() { l.custodian.Watch(c.life) })
		c.spawn(func() { l.custodian.Announce(c.life) })
	}
	return l, nil
}

func newEraser(l *Library, board *notice.Board) *erasure.Eraser {
	return erasure.New(erasure.Options{
		Cache: l.cache, Team: l.team, Board: board, Secrets: l.client.SecretIDs(), Catalog: l.catalog, Holds: l.holds, Changes: l.changes, Gate: l.gate,
		Sessions: l.sessions, Attempts: l.known, Absent: l.ttl, Log: l.log, Now: l.now,
		SessionLists: l.listings.answers, AttemptLists: l.attempts.answers, Documents: l.documents.answers,
		Stop: l.stop, Disown: l.files.disownTaken,
	})
}

func newAnswers[K answers.Question, V any](c *core, from answers.Source[K, V], about string, most int, weigh func(answers.Answer[V]) int) *answers.Answers[K, V] {
	return answers.New(from, answers.Options[V]{
		About: about, Most: most, Weigh: weigh, TTL: c.ttl, Now: c.now, Log: c.log, Limit: c.limit, Lanes: c.lanes, Spawn: c.spawn,
	})
}

// Close ends every fetch under way, waits for the goroutines that served
// them and writes down what the next mount should remember. Handles that are
// still open stay readable until they are closed.
func (l *Library) Close() {
	l.ahead.Stop()
	l.cancel()
	l.closing.Lock()
	l.closed = true
	l.closing.Unlock()
	l.work.Wait()
	select {
	case <-l.catalog.Changed():
		l.catalog.Save()
	default:
		if !l.cache.Has(store.CatalogKey) { // it was evicted
			l.catalog.Save()
		}
	}
}

// Change says what is no longer as it was.
type Change = changes.Change

// Observe makes f be called after each change: see [changes.Feed.Observe].
func (l *Library) Observe(f func(Change)) { l.changes.Observe(f) }

// Shown returns what of each listing a mount shows.
func (l *Library) Shown() *listing.Selection { return &l.shown }

// Newest returns when the newest attempt began that the library knows of.
func (l *Library) Newest() time.Time { return l.catalog.Latest() }

// Room returns how many bytes of the disk the cache uses and may use.
func (l *Library) Room() (used, limit int64) {
	s := l.cache.Stats()
	return s.Bytes, s.Limit
}

// SetSessions replaces the sessions that are listed to the library. ids are
// sorted, without duplicates, and belong to the library from now on.
func (l *Library) SetSessions(ids []veriff.SessionID) {
	removed := l.sessions.Set(ids)
	l.holds.Show()
	removed = slices.DeleteFunc(removed, l.sessions.Has)
	l.changes.Tell(Change{SessionsChanged: true, AttemptsChanged: true, SessionsGone: removed})
}

// Sessions returns every session there is, in order, and a number that
// changes when the answer may have. The slice must not be changed.
func (l *Library) Sessions() (ids []veriff.SessionID, version uint64) { return l.sessions.All() }

// HasSession reports, from memory, whether a session is in the collection.
func (l *Library) HasSession(id veriff.SessionID) bool { return l.sessions.Has(id) }

// Created returns, from memory, when the newest attempt of a session began:
// the zero time as long as nobody entered the session.
func (l *Library) Created(id veriff.SessionID) time.Time {
	_, created := l.catalog.Newest(id)
	return created
}

// Enter is Session for somebody who goes through the files of a session, and
// perhaps through those of the next ones.
func (l *Library) Enter(ctx context.Context, id veriff.SessionID) (*Listing, error) {
	l.files.ahead.Entered(id)
	return l.Session(ctx, id)
}

// Attempts returns, from memory, every attempt of the sessions that there are,
// as far as their lists of attempts were ever had, in order, and a number that
// changes when the answer may have. The slice must not be changed.
func (l *Library) Attempts() (ids []veriff.AttemptID, version uint64) { return l.known.All() }

// AttemptCreated returns, from memory, when an attempt began: the zero time
// if that is not known.
func (l *Library) AttemptCreated(id veriff.AttemptID) time.Time {
	_, created := l.catalog.Attempt(id)
	return created
}
