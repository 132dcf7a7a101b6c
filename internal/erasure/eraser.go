// Package erasure erases: what somebody asks for, and what the API no longer has.
//
// Promises. There is one rule of what goes, the label that is sealed with an object
// ([Eraser.Session] and all others go by it), and what is held never does. What is being
// fetched when an erasure begins is stopped, and nothing of it comes back. [Evidence] is
// proven only if the whole cache could be read and the kernel has answered. What the API
// said is gone is written down before it is erased, so that a kill does not lose it.
//
// Not promised: that the blocks of a file that somebody has open are freed before they
// close it.
//
// Concurrency. An [Eraser] and a [Gate] are safe for concurrent use. One erasure is at
// work at a time. It waits until the work that it stops has ended, so no such work may
// wait for an erasure: it fails with ErrFenced, and those who wait for its result ask
// again behind the fence (fence.go).
package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"veriffs/cache"
	"veriffs/internal/answers"
	"veriffs/internal/changes"
	"veriffs/internal/collection"
	"veriffs/internal/custody"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/notice"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// Options is what an Eraser is made of.
type Options struct {
	Cache    *cache.Cache
	Team     *team.Store   // nil: there is none
	Board    *notice.Board // of the team's store
	Secrets  []string      // the ids of those that the cache is opened with
	Catalog  *store.Catalog
	Holds    *custody.Holds
	Changes  *changes.Feed
	Gate     *Gate // which the work of the library goes through
	Sessions *collection.Sessions
	Attempts *collection.Attempts
	// Absent is how long what is gone counts as absent without being asked for again.
	Absent time.Duration
	Log    *slog.Logger
	Now    func() time.Time

	// What is remembered of the API's answers.
	SessionLists *answers.Answers[veriff.SessionID, *listing.Listing]
	AttemptLists *answers.Answers[veriff.AttemptID, *listing.Listing]
	Documents    *answers.Answers[listing.DocumentID, listing.Document]

	// Stop ends the work under way on what a fence keeps out, and returns once it has
	// ended. Nothing else is waited for: it may take long, and is none of the erasure's
	// business.
	Stop func(context.Context, *Fence) error
	// Disown has the open files shared no further that are taken.
	Disown func(takes func(cache.Key, []byte) bool)
}

// Eraser erases.
type Eraser struct {
	Options

	running chan struct{} // holds one token while an erasure is at work
	sharing chan struct{} // likewise, one that goes on to the team's store
}

// New returns an eraser. It does nothing by itself before Watch.
func New(o Options) *Eraser {
	return &Eraser{Options: o, running: make(chan struct{}, 1), sharing: make(chan struct{}, 1)}
}

// Session erases everything that is kept of a session: its files, those
// of earlier attempts too, its listings and documents, what memory and the
// kernel hold of them. The session itself can be entered again, and is asked
// for anew then.
//
// A file that somebody has open stays readable to them until they close it;
// its blocks on the disk, which are sealed, are freed then. What is being fetched
// when the erasure begins is stopped, and what there is of it erased; whoever waits
// for it has it fetched again once the erasure has ended.
//
// Then the files are erased in the team's store. That may take long, so nobody waits for
// it but another Session: what is opened meanwhile comes from the API and is not shared.
// What fails there is in the evidence, and no error: here, everything is erased then.
// Nothing is erased there without knowing that no other member holds it. A hold that is placed
// meanwhile ends that; the evidence has what was erased before, and the hold.
//
// Errors: ErrHeld if it is held, by another member of the team too, or if holds can't be
// read; nothing is erased then.
func (e *Eraser) Session(ctx context.Context, id veriff.SessionID) (Evidence, error) {
	if held, err := e.RefuseHeld([]veriff.SessionID{id}); err != nil {
		return e.refused(id.String(), held), fmt.Errorf("erasure: nothing was erased: %w", err)
	}
	unknown := e.RefuseForTeam(ctx, id)
	var others *HeldError
	if errors.As(unknown, &others) {
		found := e.refused(id.String(), nil)
		found.HeldByTeam = others.Others
		return found, fmt.Errorf("erasure: nothing was erased: %w", others)
	}
	found, err := e.eraseSession(ctx, id, unknown)
	found.Session = id.String()
	if err != nil {
		return found, fmt.Errorf("erasure: erase session %s: %w", id, err)
	}
	e.Log.Info("a session was erased from the cache", "session", id, "objects", len(found.Erased))
	return found, nil
}

// eraseSession erases a session here and, unless it is not known who holds it there, in
// the team's store.
func (e *Eraser) eraseSession(ctx context.Context, id veriff.SessionID, unknown error) (Evidence, error) {
	if e.Team == nil || unknown != nil {
		found, err := e.eraseForGood(ctx, e.doomSession(id))
		if unknown != nil {
			found.Team, found.Proven = e.Team.Unerased(unknown), false
		}
		return found, err
	}
	if err := take(ctx, e.sharing); err != nil {
		return Evidence{}, err
	}
	defer func() { <-e.sharing }()
	d := e.doomSession(id)
	d.shared = true
	defer e.Gate.apart.Store(nil)
	found, err := e.eraseForGood(ctx, d)
	if err == nil {
		e.eraseShared(ctx, id, d, &found)
	}
	return found, err
}

// take waits for a token, which is given back by receiving one.
func take(ctx context.Context, tokens chan<- struct{}) error {
	select {
	case tokens <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// All erases everything that is kept of every session, also what secrets
// sealed that are not configured. The team's store, which is not ours alone, is left
// alone. With exceptHeld it leaves what is held, otherwise
// it erases nothing if anything is: ErrHeld.
func (e *Eraser) All(ctx context.Context, exceptHeld bool) (Evidence, error) {
	held, err := e.refuseAll(exceptHeld)
	if err != nil {
		return e.refused("", held), fmt.Errorf("erasure: nothing was erased: %w", err)
	}
	d := e.doom()
	d.everything, d.except = true, exceptHeld
	found, err := e.eraseForGood(ctx, d)
	if !d.spared {
		found.Held = held
	}
	if e.Team != nil {
		found.Team = e.Team.LeaveAlone()
	}
	if err != nil {
		return found, fmt.Errorf("erasure: erase everything: %w", err)
	}
	e.Log.Info("everything was erased from the cache", "objects", len(found.Erased), "held sessions", len(held))
	return found, nil
}

// eraseForGood is an erasure that somebody asked for: nothing of it may
// come back with a power cut. The catalog, which holds dates and sizes of
// everybody, is therefore removed before it is written anew.
func (e *Eraser) eraseForGood(ctx context.Context, d *doomed) (Evidence, error) {
	found, err := e.erase(ctx, d)
	if err == nil {
		err = e.Cache.Remove(store.CatalogKey)
		e.Catalog.Save()
	}
	if d.spared {
		found.Held = e.heldNow(d)
	}
	found.Proven = found.Proven && err == nil && (d.except || !d.spared)
	return found, err
}

// heldNow returns the holds that have spared what an erasure was to take: those that were
// placed after it was found that there are none are among them.
func (e *Eraser) heldNow(d *doomed) (held []hold.Report) {
	for _, r := range e.Holds.All() {
		if d.everything || d.sessions[r.Session] {
			held = append(held, r.Report())
		}
	}
	return held
}

// doom returns a rule that takes nothing yet.
func (e *Eraser) doom() *doomed {
	return newDoomed(knowledge{
		lists: e.lists,
		owner: e.Catalog.Owner,
		held: func(s veriff.SessionID, a veriff.AttemptID, m veriff.MediaID) bool {
			return e.Holds.Owner(s, a, m) != nil
		},
	})
}

// doomSession takes what is known to belong to a session.
func (e *Eraser) doomSession(id veriff.SessionID) *doomed {
	d := e.doom()
	d.sessions[id] = true
	for _, attempt := range e.Catalog.AttemptsOf(id) {
		d.attempts[attempt] = remains{}
		if last, ok := e.AttemptLists.Present(attempt); ok {
			d.collect(last)
		}
	}
	if last, ok := e.SessionLists.Present(id); ok {
		d.collect(last)
	}
	return d
}

// erase carries an erasure out. Memory is cleared before the disk is read, and
// again after it, because a listing may have been read back meanwhile.
func (e *Eraser) erase(ctx context.Context, d *doomed) (found Evidence, err error) {
	if err := take(ctx, e.running); err != nil {
		return found, err
	}
	defer func() { <-e.running }()
	fence := newFence(d)
	lower := e.Gate.raise(fence)
	defer lower()
	if err := e.Stop(ctx, fence); err != nil {
		return found, err
	}
	before := e.forget(d)
	e.Disown(d.takes)
	if err := unpin(e.Cache, d); err != nil { // what is known of them by now
		return found, err
	}
	purge := e.Cache.Purge
	if d.everything {
		purge = e.Cache.PurgeAll
	}
	found.Report, err = purge(ctx, func(k cache.Key, text []byte, _ time.Time) bool { return d.takes(k, text) })
	found.Secrets = e.Secrets
	found.Unattributed = int64(len(d.unattributed))
	found.Proven = found.Proven && found.Unattributed == 0
	if d.shared { // before it can come back from there
		e.Gate.apart.Store(fence)
	}
	e.Disown(d.takes) // what was opened before it was unlinked
	change := e.forget(d)
	err = errors.Join(err, unpin(e.Cache, d))
	change.SessionsChanged = change.SessionsChanged || before.SessionsChanged
	// The kernel can't be told while a lookup in that directory waits for us.
	lower()
	if found.Pages = dropPages(ctx, e.Changes, change); found.Pages == pagesPending {
		found.Proven = false
	}
	return found, err
}
