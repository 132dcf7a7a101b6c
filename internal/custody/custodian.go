package custody

import (
	"context"
	"fmt"
	"sync"
	"time"

	"veriffs/internal/answers"
	"veriffs/internal/changes"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/notice"
	"veriffs/internal/store"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// Custodian makes holds, completes them and ends them.
type Custodian struct {
	*Holds
	work Work

	announcing sync.Mutex // held while a notice is put or removed, for some seconds at most
	announced  sync.Map   // sessions of holds, and when their notices were last seen
}

// NewCustodian returns a custodian of holds. It does nothing by itself before Watch.
func NewCustodian(h *Holds, w Work) *Custodian { return &Custodian{Holds: h, work: w} }

// Work is what a custodian needs of the rest of a library.
type Work struct {
	Listings *answers.Answers[veriff.SessionID, *listing.Listing]
	Attempts *answers.Answers[veriff.AttemptID, *listing.Listing]
	// Fetch asks for all that a session has, and fetches its files. The error says why
	// it could not even begin.
	Fetch func(context.Context, veriff.SessionID) ([]warming.Failure, error)
	// FetchFile fetches a file, whether any list tells of it or not.
	FetchFile func(context.Context, veriff.SessionID, *hold.Attempt, hold.File) error
	// End ends the hold of a session, if its record is to end as it is by then, and has
	// what Veriff no longer has of it erased. Errors: those of [hold.Set.ReleaseIf].
	End func(id veriff.SessionID, ends func(*hold.Record) bool) error
	// Board has the notices of a team; nil: there is none.
	Board *notice.Board
}

// Options is what a hold is made of.
type Options struct {
	Session veriff.SessionID
	Reason  string    // which must not be empty
	By      string    // who asks
	Until   time.Time // zero: until it is released
}

// Hold describes a hold.
type Hold = hold.Report

// Held is what a hold keeps.
type Held struct {
	Hold
	Cached   int               `json:"cached"`             // files that are in the cache
	Bytes    int64             `json:"bytes"`              // of them
	Failures []warming.Failure `json:"failures,omitempty"` // what could not be fetched, and why
	// Lost is the number of files that are known, and had neither here nor at Veriff.
	Lost int `json:"lost"`
	// NoRoom is the number of files that the cache did not keep, though they were
	// fetched, Needed their bytes as listed, and Used and Limit what it takes and may
	// take on disk.
	NoRoom int   `json:"no_room"`
	Needed int64 `json:"needed"`
	Used   int64 `json:"used"`
	Limit  int64 `json:"limit"`
	// Foreign is the number of objects in the cache, as the hold was made, that a secret
	// sealed which is not configured. What the hold lacks may be among them.
	Foreign int64 `json:"foreign"`
	// Team says whether other members know of it; left out: there is no team.
	Team *Announced `json:"team_store,omitempty"`
}

// Hold holds a session: nothing of it leaves the cache until Release, whatever
// becomes of it at Veriff. The hold is recorded first, and lasts from then on; then the
// team is told, and the session is fetched whole, all attempts and documents. What could not be fetched
// is in Held, whose Complete is zero then; it is held once it is fetched. A session
// that is held already is asked for again, and gets the new reason and end.
//
// An error means that there may be no hold: cache.ErrEphemeral, another one of the
// cache, or the cause of ctx's end, after which there is one.
func (c *Custodian) Hold(ctx context.Context, o Options) (Held, error) {
	if _, err := c.Add(o.Session, o.Reason, o.By, o.Until, c.now()); err != nil {
		return Held{}, fmt.Errorf("custody: hold session %s: %w", o.Session, err)
	}
	c.log.Info("a session is held from now on", "session", o.Session, "until", o.Until)
	c.Mend(store.BrokenHolds(c.cache)) // it may have been that of this session
	defer c.askAgain(o.Session)()
	team := c.announceNow(ctx, o.Session)
	held, err := c.recallAndComplete(ctx, o.Session)
	if err == nil && c.work.Board != nil && c.unlisted(o.Session) {
		held, err = c.completeFromTeam(ctx, o.Session, held)
	}
	held.Team = team
	return held, err
}

func (c *Custodian) recallAndComplete(ctx context.Context, id veriff.SessionID) (Held, error) {
	foreign, err := c.recall(ctx, id)
	if err != nil {
		return c.heldOf(id, nil), fmt.Errorf("custody: hold session %s: %w", id, err)
	}
	held, err := c.complete(ctx, id)
	held.Foreign = foreign
	return held, err
}

// complete fetches what is missing of a held session.
func (c *Custodian) complete(ctx context.Context, id veriff.SessionID) (Held, error) {
	failures, err := c.work.Fetch(ctx, id)
	if ctx.Err() != nil {
		return c.heldOf(id, failures), context.Cause(ctx)
	}
	if err != nil {
		failures = append(failures, warming.Failure{Session: id.String(), Error: err.Error()})
	}
	c.fetchGone(ctx, id)
	held := c.heldOf(id, failures)
	var whole time.Time
	if len(held.Failures) == 0 && held.NoRoom == 0 && held.Lost == 0 && held.Attempts > 0 {
		whole = c.now()
	}
	c.Learn(id, hold.Whole(whole))
	held.Complete = whole
	if held.Gone != nil && !held.Gone.Session.IsZero() && held.Attempts == 0 && c.sessions.Forget(id) {
		c.changes.Tell(changes.Change{SessionsChanged: true, SessionsGone: []veriff.SessionID{id}}) // there is nothing to show
	}
	return held, nil
}

// heldOf says how much of a held session is in the cache.
func (c *Custodian) heldOf(id veriff.SessionID, failures []warming.Failure) Held {
	s := c.cache.Stats()
	h := Held{Failures: failures, Used: s.Bytes, Limit: s.Limit}
	r := c.Of(id)
	if r == nil {
		return h
	}
	h.Hold = r.Report()
	for _, a := range r.Attempts {
		for _, f := range a.Files {
			o, ok := c.cache.Get(store.File(f.ID))
			switch {
			case ok:
				h.Cached++
				h.Bytes += o.Size()
				o.Close()
			case !r.FileGone(f.ID).IsZero():
				h.Lost++
			case len(failures) == 0:
				h.NoRoom++
				h.Needed += max(0, f.Size)
			}
		}
	}
	return h
}

// ReleaseOptions is what is released.
type ReleaseOptions struct {
	Session veriff.SessionID
	Reason  string // which is logged
	// StoreGone says that the team's store is gone for good: what can't be removed from
	// there is left.
	StoreGone bool
}

// Release ends the hold of a session. What Veriff no longer has of it is erased as if that
// were known from now on; the rest stays as long as all else does. Without a record it
// removes what this cache has left in the team's store.
//
// Errors: hold.ErrNone if it is not held; notice.ErrElsewhere, and others, if its record or
// its notice could not be removed: the hold stands.
func (c *Custodian) Release(ctx context.Context, o ReleaseOptions) (Hold, error) {
	r, err := c.end(ctx, o.Session, o.StoreGone, func(*hold.Record) bool { return true })
	if r == nil {
		r, err = c.sweep(ctx, o.Session, o.StoreGone)
	}
	switch {
	case r == nil:
		return Hold{}, fmt.Errorf("custody: session %s: %w", o.Session, err)
	case err != nil:
		return r.Report(), fmt.Errorf("custody: release session %s: %w", o.Session, err)
	}
	c.log.Info("the hold of a session was released", "session", o.Session, "reason", o.Reason)
	return r.Report(), nil
}

// ReleaseUnreadable gives up every hold whose record can't be read. What they held is
// as everything else is from now on.
func (c *Custodian) ReleaseUnreadable(reason string) error {
	if err := c.cache.Holds().ReleaseUnreadable(); err != nil {
		return fmt.Errorf("custody: %w", err)
	}
	c.Mend(store.BrokenHolds(c.cache))
	c.log.Warn("holds whose records can't be read were given up", "reason", reason)
	return nil
}
