package library

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/changes"
	"veriffs/internal/collection"
	"veriffs/internal/custody"
	"veriffs/internal/erasure"
	"veriffs/internal/flight"
	"veriffs/internal/listing"
	"veriffs/internal/reach"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// core is what every part of a library stands on: the door to the API, the
// sealed store, what is known from memory, and the life of it all.
type core struct {
	client *veriff.Client
	cache  *cache.Cache
	team   *team.Store // nil: none
	ttl    time.Duration
	shown  listing.Selection
	log    *slog.Logger
	now    func() time.Time

	sessions *collection.Sessions
	known    *collection.Attempts
	catalog  *store.Catalog
	holds    *custody.Holds
	gate     *erasure.Gate // that work on what may be erased goes through
	changes  *changes.Feed

	distrusted func(Subject, error) // see Options; may be nil

	link  *reach.Link
	limit *reach.Limit
	lanes *flight.Lanes

	teamLanes *flight.Pool // to the team's store

	life   context.Context // ends with Close; every fetch hangs on it
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines of the library's own

	closing sync.Mutex // held while work is added, and to set closed
	closed  bool
}

func newCore(o Options) *core {
	c := &core{client: o.Client, cache: o.Cache, team: o.Team, ttl: o.ListTTL, shown: o.Shown, log: o.Logger, now: o.Now, distrusted: o.Distrusted}
	c.life, c.cancel = context.WithCancel(context.Background())
	c.sessions = collection.NewSessions(o.Now)
	c.catalog, c.gate, c.changes = store.NewCatalog(o.Cache), new(erasure.Gate), new(changes.Feed)
	c.holds = custody.NewHolds(custody.Parts{
		Cache: o.Cache, Catalog: c.catalog, Sessions: c.sessions, Changes: c.changes, Log: o.Logger, Now: o.Now,
	})
	c.known = collection.NewAttempts(o.Now, c.knownAttempts)
	c.link = reach.NewLink(o.Client, c.life, c.spawn, o.Logger)
	c.limit = reach.NewLimit(o.Client, c.life, o.Logger)
	c.lanes = flight.NewLanes(c.life, o.Connections, c.limit.Held)
	if c.team != nil {
		c.teamLanes = c.lanes.More(teamLanes, c.team.Ahead)
	}
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
// once there is a lane, and the outcome is reported. It ends with ctx, which is the
// task's or hangs on it.
func (c *core) call(ctx context.Context, t *flight.Task, about Subject, f func(context.Context) error) error {
	if err := c.link.Check(); err != nil {
		return err
	}
	err := c.lanes.Through(ctx, t, func() error { return f(ctx) })
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
	session := c.catalog.Owner(id)
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
		select {
		case <-c.life.Done():
		case <-time.After(catalogDelay):
		}
		c.catalog.Save()
	}
}
