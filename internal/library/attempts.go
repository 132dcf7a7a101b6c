package library

import (
	"context"
	"fmt"
	"time"

	"veriffs/internal/answers"
	"veriffs/internal/erasure"
	"veriffs/internal/flight"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/reach"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// attempts are what the API lists for single attempts.
type attempts struct {
	*core
	answers  *answers.Answers[veriff.AttemptID, *Listing]
	bodies   *flight.Group[veriff.AttemptID, veriff.MediaList]
	listings *listings
	eraser   *erasure.Eraser
}

// Attempt returns the listing of one attempt, which may be an older one of
// its session, as Session does that of a session. It costs one request, and a
// second one if the attempt's date is not known from its session.
func (l *attempts) Attempt(ctx context.Context, id veriff.AttemptID) (*Listing, error) {
	return l.answers.Get(ctx, id)
}

// FindInAttempt is Find in the listing of an attempt.
func (l *attempts) FindInAttempt(ctx context.Context, id veriff.AttemptID, name string) (*File, error) {
	if last, ok := l.answers.Present(id); ok {
		if f, ok := last.Lookup(name); ok {
			return f, nil
		}
	}
	list, err := l.Attempt(ctx, id)
	if err != nil {
		return nil, err
	}
	if f, ok := list.Lookup(name); ok {
		return f, nil
	}
	return nil, list.Missing(name)
}

// AttemptList is the listing of an attempt with its body, verified and verbatim.
type AttemptList struct {
	Body    []byte
	Label   store.Label // sealed with it: who signed it
	Fetched bool        // from the API, because the cache does not have it
}

// OpenAttemptList returns the listing of an attempt with its body.
func (l *attempts) OpenAttemptList(ctx context.Context, id veriff.AttemptID) (AttemptList, error) {
	list, err := l.Attempt(ctx, id)
	if err != nil {
		return AttemptList{}, err
	}
	if body, label, _, ok := store.Get(l.cache, store.AttemptList(id)); ok {
		return AttemptList{body, label, false}, nil
	}
	// It was evicted just now, or the disk keeps nothing.
	media, err := reach.SitOut(ctx, l.limit, func() (veriff.MediaList, error) {
		return erasure.Behind(ctx, l.gate, erasure.OfAttempt(id), func() (veriff.MediaList, error) {
			return l.bodies.Do(ctx, id, func(t *flight.Task) (veriff.MediaList, error) { return l.fetch(t, id) })
		})
	})
	return AttemptList{media.Body, store.NewLabel(list.Session, id, media.Receipt), true}, err
}

// fetch gets the media of an attempt from the API.
func (l *attempts) fetch(t *flight.Task, id veriff.AttemptID) (media veriff.MediaList, err error) {
	if l.gate.Shut(erasure.OfAttempt(id)) {
		return media, erasure.ErrFenced
	}
	err = l.call(t.Context(), t, Subject{Attempt: id}, func(ctx context.Context) (err error) {
		media, err = l.client.AttemptMedia(ctx, id)
		return err
	})
	if err != nil {
		return media, fmt.Errorf("library: list attempt %s: %w", id, err)
	}
	return media, nil
}

// Keeps reports whether the attempt's session is held.
func (l *attempts) Keeps(id veriff.AttemptID) bool {
	return l.holds.Owner(veriff.SessionID{}, id, veriff.MediaID{}) != nil
}

// Stored is the last listing of an attempt in the sealed store.
func (l *attempts) Stored(id veriff.AttemptID) (a answers.Answer[*Listing], ok bool) {
	body, _, stored, ok := store.Get(l.cache, store.AttemptList(id))
	held := l.holds.Owner(veriff.SessionID{}, id, veriff.MediaID{})
	if held == nil && (!ok || l.catalog.Losses.HasAttempt(id)) {
		return a, false
	}
	media, err := veriff.DecodeMediaList(body)
	switch {
	case err == nil:
	case held != nil && len(held.Attempt(id).Files) > 0:
		stored = time.Time{} // it is not the API's
	default:
		return a, false
	}
	list := l.attemptListing(id, media)
	list.Proves = false // it is not new
	l.holds.Supplement(list)
	return answers.Answer[*Listing]{Value: list, Asked: answers.At(stored)}, true
}

func (l *attempts) attemptListing(id veriff.AttemptID, media veriff.MediaList) *Listing {
	session, created := l.catalog.Attempt(id)
	if session.IsZero() {
		session = sessionOf(media)
	}
	list := listing.New(session, id, created, media)
	list.OfAttempt = true
	return list
}

// sessionOf returns the session that a listing says its files belong to.
func sessionOf(media veriff.MediaList) veriff.SessionID {
	for _, m := range media.Items {
		if !m.Session.IsZero() {
			return m.Session
		}
	}
	return veriff.SessionID{}
}

// Ask gets the media of an attempt from the API, and the attempts of its session
// if the attempt's date is not known.
func (l *attempts) Ask(t *flight.Task, id veriff.AttemptID) (*Listing, error) {
	if l.gate.Shut(erasure.OfAttempt(id)) {
		return nil, erasure.ErrFenced
	}
	held := l.holds.Owner(veriff.SessionID{}, id, veriff.MediaID{})
	if l.holds.KnownGone(held, func(r *hold.Record) time.Time { return r.AttemptGone(id) }) {
		return l.kept(id)
	}
	media, err := l.fetch(t, id)
	if answers.Proven(err) && held != nil && l.holds.Learn(held.Session, hold.AttemptGone(id, l.now())) {
		return l.kept(id)
	}
	if err != nil {
		return nil, err
	}
	if media.Dropped > 0 {
		l.log.Warn("entries of a listing have no usable id; they are not shown", "attempt", id, "entries", media.Dropped)
	}
	session := l.catalog.Owner(id)
	if session.IsZero() {
		if session = sessionOf(media); !session.IsZero() {
			attempts, err := l.listings.askAttempts(t, session)
			if err != nil {
				return nil, fmt.Errorf("library: list attempt %s: %w", id, err)
			}
			if attempts.Body != nil {
				l.holds.SetAttempts(session, attempts.Items)
			}
		}
	}
	store.Put(l.cache, store.AttemptList(id), media.Body, store.NewLabel(session, id, media.Receipt).Text())
	list := l.attemptListing(id, media)
	l.holds.LearnListing(list, veriff.AttemptList{})
	return list, nil
}

// kept is what there is of an attempt that is held and that the API has no more.
func (l *attempts) kept(id veriff.AttemptID) (*Listing, error) {
	if last, ok := l.Stored(id); ok {
		return last.Value, nil
	}
	return nil, fmt.Errorf("library: attempt %s, which is held: %w", id, ErrNotFound)
}

// Gate waits for an erasure of the attempt to end.
func (l *attempts) Gate(ctx context.Context, id veriff.AttemptID, work func() (*Listing, error)) (*Listing, error) {
	return erasure.Behind(ctx, l.gate, erasure.OfAttempt(id), work)
}

// Lost has the files of an attempt erased.
func (l *attempts) Lost(id veriff.AttemptID, last *Listing) { l.eraser.LoseAttempt(id, last) }

// Received tells the observer what has changed.
func (l *attempts) Received(id veriff.AttemptID, list, last *Listing) {
	l.known.Restore(id)
	if last != nil && last.Same(list) {
		return
	}
	missing := list.Gone(last)
	l.changes.Tell(Change{Attempt: id, FilesGone: missing})
	if len(missing) > 0 && list.Proves {
		l.eraser.Suspect(id)
	}
}
