package library

import (
	"context"
	"errors"
	"time"

	"veriffs/internal/answers"
	"veriffs/internal/catalog"
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

// loseSession takes a session out of every tree and has all of it erased.
func (l *eraser) loseSession(id veriff.SessionID, last *Listing) {
	if l.holds.Of(id) != nil { // it has nothing yet
		return
	}
	d := l.doomSession(id)
	level := l.log.Debug // somebody tried an id
	if l.sessions.Lose(id, l.now().Add(l.ttl)) || last != nil || len(d.attempts) > 0 {
		level = l.log.Info
	}
	level("the API no longer has this session: it leaves the listing and the cache", "session", id)
	change := l.forget(d)
	change.SessionsChanged, change.SessionsGone = true, []veriff.SessionID{id}
	whole := make(map[veriff.AttemptID]bool, len(d.attempts)) // none is merely suspected
	for attempt := range d.attempts {
		whole[attempt] = false
		change.AttemptsGone = append(change.AttemptsGone, attempt)
	}
	if last != nil {
		change.FilesGone = new(Listing).Gone(last)
	}
	l.catalog.Losses.Add([]veriff.SessionID{id}, whole)
	l.observer.tell(change)
}

// loseAttempt takes an attempt out of the listing and has its files erased, but
// for those that its session still lists.
func (l *eraser) loseAttempt(id veriff.AttemptID, last *Listing) {
	if l.holds.Owner(veriff.SessionID{}, id, veriff.MediaID{}) != nil {
		return
	}
	l.log.Info("the API no longer has this attempt: it leaves the listing and the cache", "attempt", id)
	change := Change{AttemptsGone: []veriff.AttemptID{id}}
	if session, _ := l.catalog.Attempt(id); !session.IsZero() {
		l.known.Lose(id, l.now().Add(l.ttl))
		change.AttemptsChanged = true
	}
	if last != nil {
		change.Attempt, change.FilesGone = id, new(Listing).Gone(last)
	}
	l.observer.tell(change)
	l.suspect(id)
}

// suspect has the files of an attempt erased that it no longer has. Which these
// are its own listing says: that of a session may have changed over to a newer
// attempt at any moment.
func (l *eraser) suspect(id veriff.AttemptID) {
	l.catalog.Losses.Add(nil, map[veriff.AttemptID]bool{id: true})
}

// eraseGone erases what belongs to the sessions and attempts that have gone. Who
// has gone is written down at once, so that a kill does not lose it.
func (l *eraser) eraseGone() {
	scan := time.NewTimer(0) // what the last mount left
	defer scan.Stop()
	var rested time.Time // when the cache may be read again
	for {
		select {
		case <-l.life.Done():
			return
		case <-l.catalog.Losses.Arrived():
			l.catalog.Save()
			scan.Reset(max(0, time.Until(rested)))
			continue
		case <-scan.C:
		}
		begun := time.Now()
		again := l.eraseLost(l.life)
		rested = time.Now().Add(min(eraseShare*time.Since(begun), eraseAgain))
		if again {
			scan.Reset(eraseAgain)
		}
	}
}

// eraseLost erases what has gone so far, and reports whether some of it has
// to be tried again. What is certain goes first: it must not wait for the API to
// tell about the rest.
func (l *eraser) eraseLost(ctx context.Context) (again bool) {
	lost := l.catalog.Losses.Pending()
	if err := l.holds.Broken(); err != nil && !lost.Empty() {
		l.log.Error("nothing that the API no longer has is erased, because it may be held", "error", err)
		return true
	}
	sure := &doomed{sessions: make(map[veriff.SessionID]bool), attempts: make(map[veriff.AttemptID]remains)}
	for id := range lost.Sessions {
		if l.holds.Of(id) == nil { // its release comes back to it
			sure.sessions[id] = true
		}
	}
	for id, loss := range lost.Attempts {
		if !loss.Suspect && l.holds.Owner(veriff.SessionID{}, id, veriff.MediaID{}) == nil {
			sure.attempts[id] = remains{}
		}
	}
	again = !l.eraseDoomed(ctx, sure, lost)
	suspects := &doomed{attempts: make(map[veriff.AttemptID]remains)}
	for id, loss := range lost.Attempts {
		if !loss.Suspect {
			continue
		}
		left, err := l.leftOf(ctx, id)
		if err == nil {
			suspects.attempts[id] = left
			continue
		}
		l.log.Debug("which files of an attempt are gone is not known yet", "attempt", id, "error", err)
		again = true
		if errors.Is(err, ErrOffline) || errors.Is(err, veriff.ErrRateLimited) {
			break // the others would not be answered either
		}
	}
	return !l.eraseDoomed(ctx, suspects, lost) || again
}

// eraseDoomed erases some of the lost, and reports whether that went well.
func (l *eraser) eraseDoomed(ctx context.Context, d *doomed, lost catalog.Lost) bool {
	if len(d.sessions)+len(d.attempts) == 0 {
		return true
	}
	done := catalog.Lost{Sessions: make(map[veriff.SessionID]catalog.Loss), Attempts: make(map[veriff.AttemptID]catalog.Loss)}
	for id := range d.sessions {
		done.Sessions[id] = lost.Sessions[id]
	}
	for id := range d.attempts {
		done.Attempts[id] = lost.Attempts[id]
	}
	e, err := l.erase(ctx, d)
	if err != nil {
		if ctx.Err() == nil {
			l.log.Warn("erasing what the API no longer has failed; it is tried again", "error", err)
		}
		return false
	}
	if len(e.Erased) > 0 {
		l.log.Info("erased what the API no longer has", "objects", len(e.Erased))
	}
	l.catalog.Losses.Erased(done)
	return true
}

// leftOf returns what is left of an attempt, by a new answer of the API.
func (l *eraser) leftOf(ctx context.Context, id veriff.AttemptID) (remains, error) {
	list, err := l.attempts.answers.Renew(ctx, id)
	switch {
	case err == nil && list.Proves:
		return remains{list, true}, nil
	case err == nil:
		return remains{}, ErrIncomplete
	case !answers.Proven(err) && !l.attempts.answers.Absent(id):
		return remains{}, err
	}
	// It is gone, but its session may list what it had.
	session, _ := l.catalog.Attempt(id)
	last, _ := l.listings.answers.Present(session)
	return remains{files: last}, nil
}
