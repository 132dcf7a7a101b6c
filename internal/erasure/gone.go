package erasure

import (
	"context"
	"errors"
	"maps"
	"time"

	"veriffs/internal/answers"
	"veriffs/internal/catalog"
	"veriffs/internal/changes"
	"veriffs/internal/listing"
	"veriffs/internal/reach"
	"veriffs/veriff"
)

// What the API no longer has is erased. Only its signed word counts: a 404
// about a session, an attempt or a file, or a complete listing that lacks a
// file which it had. A file is under one key and goes at once. What belongs to
// a session or an attempt is found by the sealed labels, for which the whole
// cache has to be read: so the catalog remembers who has gone, over a remount
// too, and the background erases those of several together.

const (
	// eraseShare is how many times as long as it took to read the cache passes
	// before it is read again, so that a walk over old ids can't keep the disk
	// busy.
	eraseShare = 10
	// eraseAgain is when an erasure that failed is tried again.
	eraseAgain = 10 * time.Minute
)

// LoseSession takes a session out of every tree and has all of it erased.
func (e *Eraser) LoseSession(id veriff.SessionID, last *listing.Listing) {
	if e.Holds.Of(id) != nil { // it has nothing yet
		return
	}
	d := e.doomSession(id)
	level := e.Log.Debug // somebody tried an id
	if e.Sessions.Lose(id, e.Now().Add(e.Absent)) || last != nil || len(d.attempts) > 0 {
		level = e.Log.Info
	}
	level("the API no longer has this session: it leaves the listing and the cache", "session", id)
	change := e.forget(d)
	change.SessionsChanged, change.SessionsGone = true, []veriff.SessionID{id}
	whole := make(map[veriff.AttemptID]bool, len(d.attempts)) // none is merely suspected
	for attempt := range d.attempts {
		whole[attempt] = false
		change.AttemptsGone = append(change.AttemptsGone, attempt)
	}
	if last != nil {
		change.FilesGone = new(listing.Listing).Gone(last)
	}
	e.Catalog.Losses.Add([]veriff.SessionID{id}, whole)
	e.Changes.Tell(change)
}

// LoseAttempt takes an attempt out of the listing and has its files erased, but
// for those that another attempt lists.
func (e *Eraser) LoseAttempt(id veriff.AttemptID, last *listing.Listing) {
	if e.Holds.Owner(veriff.SessionID{}, id, veriff.MediaID{}) != nil {
		return
	}
	e.Log.Info("the API no longer has this attempt: it leaves the listing and the cache", "attempt", id)
	change := changes.Change{AttemptsGone: []veriff.AttemptID{id}}
	if session, _ := e.Catalog.Attempt(id); !session.IsZero() {
		e.Attempts.Lose(id, e.Now().Add(e.Absent))
		change.AttemptsChanged = true
	}
	if last != nil {
		change.Attempt, change.FilesGone = id, new(listing.Listing).Gone(last)
	}
	e.Changes.Tell(change)
	e.Suspect(id)
}

// Suspect has the files erased that the session of an attempt no longer has. Which
// these are the listings of all its attempts say, asked anew: that of a session may
// have changed over to a newer attempt at any moment, so that it is not certain
// which attempt a file in the cache is of.
func (e *Eraser) Suspect(id veriff.AttemptID) {
	e.Catalog.Losses.Add(nil, map[veriff.AttemptID]bool{id: true})
}

// Watch erases what belongs to the sessions and attempts that have gone. Who
// has gone is written down at once, so that a kill does not lose it. It returns when its
// context ends.
func (e *Eraser) Watch(ctx context.Context) {
	scan := time.NewTimer(0) // what the last mount left
	defer scan.Stop()
	var rested time.Time // when the cache may be read again
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.Catalog.Losses.Arrived():
			e.Catalog.Save()
			scan.Reset(max(0, time.Until(rested)))
			continue
		case <-scan.C:
		}
		begun := time.Now()
		again := e.eraseLost(ctx)
		rested = time.Now().Add(min(eraseShare*time.Since(begun), eraseAgain))
		if again {
			scan.Reset(eraseAgain)
		}
	}
}

// eraseLost erases what has gone so far, and reports whether some of it has
// to be tried again. What is certain goes first: it must not wait for the API to
// tell about the rest.
func (e *Eraser) eraseLost(ctx context.Context) (again bool) {
	lost := e.Catalog.Losses.Pending()
	if err := e.Holds.Broken(); err != nil && !lost.Empty() {
		e.Log.Error("nothing that the API no longer has is erased, because it may be held", "error", err)
		return true
	}
	sure := e.doom()
	for id := range lost.Sessions {
		if e.Holds.Of(id) == nil { // its release comes back to it
			sure.sessions[id] = true
		}
	}
	for id, loss := range lost.Attempts {
		if !loss.Suspect && e.Holds.Owner(veriff.SessionID{}, id, veriff.MediaID{}) == nil {
			sure.attempts[id] = remains{}
		}
	}
	again = !e.eraseDoomed(ctx, sure, lost)
	suspects := e.doom()
	for id, loss := range lost.Attempts {
		if !loss.Suspect {
			continue
		}
		err := e.survey(ctx, id, suspects)
		if err == nil {
			continue
		}
		e.Log.Debug("which files of an attempt are gone is not known yet", "attempt", id, "error", err)
		again = true
		if errors.Is(err, reach.ErrOffline) || errors.Is(err, veriff.ErrRateLimited) {
			break // the others would not be answered either
		}
	}
	return !e.eraseDoomed(ctx, suspects, lost) || again || suspects.unsure
}

// eraseDoomed erases some of the lost, and reports whether that went well.
func (e *Eraser) eraseDoomed(ctx context.Context, d *doomed, lost catalog.Lost) bool {
	if d.empty() {
		return true
	}
	done := catalog.Lost{Sessions: make(map[veriff.SessionID]catalog.Loss), Attempts: make(map[veriff.AttemptID]catalog.Loss)}
	for id := range d.sessions {
		done.Sessions[id] = lost.Sessions[id]
	}
	for id := range d.attempts {
		done.Attempts[id] = lost.Attempts[id]
	}
	found, err := e.erase(ctx, d)
	if err != nil {
		if ctx.Err() == nil {
			e.Log.Warn("erasing what the API no longer has failed; it is tried again", "error", err)
		}
		return false
	}
	if len(found.Erased) > 0 {
		e.Log.Info("erased what the API no longer has", "objects", len(found.Erased))
	}
	e.Catalog.Losses.Erased(done)
	return true
}

// survey learns by new answers of the API what is left of the session of an attempt.
func (e *Eraser) survey(ctx context.Context, id veriff.AttemptID, d *doomed) error {
	if _, done := d.attempts[id]; done {
		return nil
	}
	attempts := []veriff.AttemptID{id}
	session, _ := e.Catalog.Attempt(id)
	if !session.IsZero() {
		// Its attempts come with it.
		if gone, err := renewed(ctx, e.SessionLists, session); gone || err != nil {
			return err // if it is gone it was told so, and is certain
		}
		for _, other := range e.Catalog.Of(session) {
			if other != id {
				attempts = append(attempts, other)
			}
		}
	}
	left := make(map[veriff.AttemptID]remains, len(attempts))
	for _, attempt := range attempts {
		gone, err := renewed(ctx, e.AttemptLists, attempt)
		if err != nil {
			return err
		}
		left[attempt] = remains{listed: true, exists: !gone}
	}
	maps.Copy(d.attempts, left)
	if !session.IsZero() {
		d.thinned[session] = true
	}
	return nil
}

// renewed has a listing asked for anew, and reports whether the API says that it is
// gone. It fails if the new one proves nothing.
func renewed[K answers.Question](ctx context.Context, a *answers.Answers[K, *listing.Listing], id K) (gone bool, err error) {
	if a.Absent(id) { // it said so a moment ago
		return true, nil
	}
	list, err := a.Renew(ctx, id)
	switch {
	case err == nil && list.Proves:
		return false, nil
	case err == nil:
		return false, listing.ErrIncomplete
	case answers.Proven(err) || a.Absent(id):
		return true, nil
	}
	return false, err
}

// lists reports whether a session, one of its attempts or the attempt given lists a
// file, by the last word of each; known says that there is one of every attempt.
func (e *Eraser) lists(session veriff.SessionID, attempt veriff.AttemptID, media veriff.MediaID) (listed, known bool) {
	known = true
	if last, ok := e.SessionLists.Present(session); ok && last.Has(media) {
		return true, known
	}
	all := e.Catalog.Of(session)
	if !attempt.IsZero() {
		all = append(all, attempt)
	}
	for _, id := range all {
		last, ok := e.AttemptLists.Last(id)
		if ok && !last.Absent && last.Value.Has(media) {
			return true, known
		}
		known = known && ok
	}
	return false, known
}
