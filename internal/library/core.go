package library

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/cache"
	"veriffs/internal/collection"
	"veriffs/internal/flight"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/reach"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// core is what every part of a library stands on: the door to the API, the
// sealed store, what is known from memory, and the life of it all.
type core struct {
	client *veriff.Client
	cache  *cache.Cache
	ttl    time.Duration
	log    *slog.Logger
	now    func() time.Time

	sessions   *collection.Sessions
	known      *collection.Attempts
	catalog    *store.Catalog
	holds      *hold.Set
	again      sync.Map              // held sessions that are asked for again, though they are gone
	incomplete chan struct{}         // holds one token when a hold may lack something
	fence      atomic.Pointer[fence] // of the erasure at work, nil without one
	observer   observers

	distrusted func(Subject, error) // see Options; may be nil

	link  *reach.Link
	limit *reach.Limit
	lanes *flight.Lanes

	life   context.Context // ends with Close; every fetch hangs on it
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines of the library's own

	closing sync.Mutex // held while work is added, and to set closed
	closed  bool
}

func newCore(o Options) *core {
	c := &core{client: o.Client, cache: o.Cache, ttl: o.ListTTL, log: o.Logger, now: o.Now, distrusted: o.Distrusted}
	c.life, c.cancel = context.WithCancel(context.Background())
	c.sessions = collection.NewSessions(o.Now)
	c.incomplete = make(chan struct{}, 1)
	c.catalog, c.holds = store.NewCatalog(o.Cache), store.Holds(o.Cache)
	c.known = collection.NewAttempts(o.Now, c.knownAttempts)
	c.link = reach.NewLink(o.Client, c.life, c.spawn, o.Logger)
	c.limit = reach.NewLimit(o.Client, c.life, o.Logger)
	c.lanes = flight.NewLanes(c.life, o.Connections, c.limit.Held)
	return c
}

// Subject is what a request to the API is about; what is zero does not apply.
type Subject struct {
	Session  veriff.SessionID
	Attempt  veriff.AttemptID
	Media    veriff.MediaID
	Document string // its name
}

// SubjectOf returns what an object of the cache is about, as far as its key says.
func SubjectOf(k cache.Key) (s Subject) {
	var document string
	s.Session, s.Attempt, s.Media, document = store.Parts(k)
	for kind := range listing.DocumentKinds {
		if kind.String() == document {
			s.Document = kind.Name()
		}
	}
	return s
}

// call is the only door to the API: closed while the API is out of reach, open
// once there is a lane, and the outcome is reported.
func (c *core) call(t *flight.Task, about Subject, f func(context.Context) error) error {
	if err := c.link.Check(); err != nil {
		return err
	}
	err := c.lanes.Through(t, func() error { return f(t.Context()) })
	c.link.Report(err)
	if errors.Is(err, veriff.ErrSignature) && c.distrusted != nil {
		c.distrusted(about, err)
	}
	return err
}

// spawn runs f in a goroutine that Close waits for. A panic ends that piece of
// work alone, never the mount. After Close, when a mount that is still in use may
// ask on, f finds that its life is over.
func (c *core) spawn(f func()) {
	guarded := func() {
		_ = c.guard(func() error {
			f()
			return nil
		})()
	}
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.closed {
		go guarded()
		return
	}
	c.work.Go(guarded)
}

// guard logs a panic in f and makes it an error. Whatever a library starts in a
// goroutine of its own goes through it.
func (c *core) guard(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				c.log.Error("a panic was contained", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				err = flight.ErrPanicked
			}
		}()
		return f()
	}
}

// rest waits, and returns false if the library was closed meanwhile.
func (c *core) rest(d time.Duration) bool {
	select {
	case <-c.life.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// catalogued remembers the attempts of a session, and tells the observer if they
// have changed.
func (c *core) catalogued(id veriff.SessionID, attempts []veriff.Attempt) {
	attempts = c.heldAttempts(id, attempts)
	if changed, latest := c.catalog.SetAttempts(id, attempts); changed {
		c.observer.tell(Change{Session: id, AttemptsChanged: true, NewestChanged: latest})
	}
}

// attemptsOf returns the attempts of a session, as far as they were ever
// listed.
func (c *core) attemptsOf(id veriff.SessionID) []veriff.AttemptID {
	attempts := c.catalog.Of(id)
	if len(attempts) > 0 {
		return attempts
	}
	body, _, _, ok := store.Get(c.cache, documentKey{id, listing.AttemptsDocument}.key())
	if !ok {
		return nil
	}
	list, err := veriff.DecodeAttemptList(body)
	if err != nil {
		return nil
	}
	for _, a := range list.Items {
		attempts = append(attempts, a.ID)
	}
	return attempts
}

// knownAttempts yields the attempts of all sessions in the collection. The
// version only ever grows.
func (c *core) knownAttempts() (iter.Seq[veriff.AttemptID], uint64) {
	_, sessions := c.sessions.All()
	version := sessions + c.catalog.Version()
	return func(yield func(veriff.AttemptID) bool) {
		for session, id := range c.catalog.All() {
			if c.sessions.Has(session) && !yield(id) {
				return
			}
		}
	}, version
}

// HasAttempt reports, from memory, whether Attempts has an attempt.
func (c *core) HasAttempt(id veriff.AttemptID) bool {
	session, _ := c.catalog.Attempt(id)
	return !session.IsZero() && c.sessions.Has(session) && !c.known.Gone(id)
}

// catalogDelay is how long changes of the catalog gather before it is
// written: what a kill -9 can lose is asked of the API again.
const catalogDelay = 2 * time.Second

// keepCatalog writes the catalog a while after each change.
func (c *core) keepCatalog() {
	for {
		select {
		case <-c.life.Done():
			return
		case <-c.catalog.Changed():
		}
		c.rest(catalogDelay)
		c.catalog.Save()
	}
}
