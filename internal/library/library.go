// Package library knows every session that was named to it and how to get
// the files of each: it asks the API for listings, fetches, verifies and
// stores objects, and answers from the cache whenever it can.
//
// What it promises: a file is opened whole and verified or not at all; an
// object is fetched once however many wait for it; absence is reported only
// when the API said so or a complete listing shows it; every wait ends when
// its context does. A Library is safe for concurrent use by one process.
//
// It does not know of inodes or of the kernel. Whoever shows the library to
// a kernel learns through [Library.Observe] what has changed.
package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/catalog"
	"veriffs/internal/collection"
	"veriffs/internal/flight"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// Errors that the callers of a library tell apart. Those of package veriff
// pass through wrapped: ErrRefused, ErrSignature, ErrServer and the others.
var (
	// ErrNotFound: the API, or a complete listing, says that it is not there.
	ErrNotFound = veriff.ErrNotFound
	// ErrOffline: the API could not be reached a moment ago, so it was not
	// asked again; what is in the cache keeps working.
	ErrOffline = errors.New("the API can't be reached")
	// ErrIncomplete: the listing has entries that can't be used, so what it
	// lacks may be there all the same.
	ErrIncomplete = listing.ErrIncomplete
)

// Defaults of the options of the same name.
const (
	DefaultListTTL     = 10 * time.Minute
	DefaultConnections = 16
)

// Options is what a Library is made of. Client and Cache are used, not
// owned: who made them closes them after the library.
type Options struct {
	Client *veriff.Client
	Cache  *cache.Cache
	// ListTTL is how long a listing is served without asking again.
	ListTTL time.Duration
	// Connections bounds the requests under way; it should be the client's.
	Connections int
	// NoReadAhead fetches nothing that nobody opened.
	NoReadAhead bool
	Logger      *slog.Logger
	Now         func() time.Time
}

// Library is the collection of sessions and their files.
type Library struct {
	client *veriff.Client
	cache  *cache.Cache
	ttl    time.Duration
	log    *slog.Logger
	now    func() time.Time

	sessions  *collection.Sessions
	listings  answers[veriff.SessionID, *Listing]
	attempts  answers[veriff.AttemptID, *Listing]
	known     *collection.Attempts
	documents answers[documentKey, Document]
	catalog   storedCatalog
	link      link
	limit     limit
	observer  observers

	lanes   *flight.Lanes
	fetches *flight.Group[veriff.MediaID, *object]
	bodies  *flight.Group[documentKey, fullDocument]
	ahead   readAhead

	opens opens

	connections int // lanes in all

	mu   sync.Mutex
	open map[veriff.MediaID]*object // objects with a reader, shared by all of them

	erasing chan struct{} // holds one token while an erasure is at work

	life   context.Context // ends with Close; every fetch hangs on it
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines of the library's own

	closing sync.Mutex // held while work is added, and to set closed
	closed  bool
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
	l := &Library{
		client: o.Client, cache: o.Cache, ttl: o.ListTTL, log: o.Logger, now: o.Now,
		open:    make(map[veriff.MediaID]*object),
		erasing: make(chan struct{}, 1),
	}
	l.life, l.cancel = context.WithCancel(context.Background())
	l.sessions = collection.NewSessions(o.Now)
	l.catalog = storedCatalog{Catalog: catalog.New(), store: o.Cache}
	l.known = collection.NewAttempts(o.Now, l.knownAttempts)
	l.link = link{
		probe: o.Client.Probe, answers: o.Client.Answers, heldUntil: o.Client.HeldUntil,
		spawn: l.spawn, life: l.life, log: o.Logger,
	}
	l.limit = limit{heldUntil: o.Client.HeldUntil, life: l.life, patience: o.Client.Patience(), log: o.Logger}
	l.lanes, l.connections = flight.NewLanes(l.life, o.Connections, l.limit.held), o.Connections
	l.listings = answers[veriff.SessionID, *Listing]{
		about: "session", stored: l.storedSession, ask: l.askSession, keep: l.keepSession, lose: l.loseSession,
	}
	l.attempts = answers[veriff.AttemptID, *Listing]{
		about: "attempt", stored: l.storedAttempt, ask: l.askAttempt, keep: l.keepAttempt, lose: l.loseAttempt,
	}
	l.documents = answers[documentKey, Document]{
		about: "document", stored: l.storedDocument, ask: l.askDocument, lose: l.loseDocument,
		keep: func(documentKey, Document, Document) {}, // askDocument has done it
	}
	l.listings.init(l, listingsFiles, listingWeight)
	l.attempts.init(l, listingsFiles/4, listingWeight)
	l.documents.init(l, documentsInMemory, func(answer[Document]) int { return 1 })
	l.bodies = flight.NewGroup[documentKey, fullDocument](l.lanes, l.spawn, nil)
	l.fetches = flight.NewGroup[veriff.MediaID, *object](l.lanes, l.spawn, l.own)
	l.ahead.init(l, o.NoReadAhead)
	if err := l.catalog.load(); err != nil {
		l.log.Warn("the catalog of the last mount can't be read; dates show once sessions are entered", "error", err)
	}
	l.spawn(l.keepCatalog)
	l.spawn(l.eraseGone)
	return l, nil
}

// Close ends every fetch under way, waits for the goroutines that served
// them and writes down what the next mount should remember. Handles that are
// still open stay readable until they are closed.
func (l *Library) Close() {
	l.ahead.stop()
	l.cancel()
	l.closing.Lock()
	l.closed = true
	l.closing.Unlock()
	l.work.Wait()
	if !l.cache.Has(catalogKey) { // it was evicted
		l.catalog.Mark()
	}
	l.catalog.save()
}

// spawn runs f as a goroutine that Close waits for. A panic in it is logged
// and ends that piece of work alone, never the mount. After Close, when a mount
// that somebody still uses may ask on, f finds that its life is over.
func (l *Library) spawn(f func()) {
	contained := func() {
		defer func() {
			if p := recover(); p != nil {
				l.log.Error("a panic was contained", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		f()
	}
	l.closing.Lock()
	defer l.closing.Unlock()
	if l.closed {
		go contained()
		return
	}
	l.work.Go(contained)
}

// Newest returns when the newest attempt began that the library knows of.
func (l *Library) Newest() time.Time { return l.catalog.Latest() }

// Room returns how many bytes of the disk the cache uses and may use.
func (l *Library) Room() (used, limit int64) {
	s := l.cache.Stats()
	return s.Bytes, s.Limit
}
