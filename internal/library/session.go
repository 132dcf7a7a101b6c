package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"veriffs/internal/flight"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// Enter is Session for somebody who goes through the files of a session, and
// perhaps through those of the next ones.
func (l *Library) Enter(ctx context.Context, id veriff.SessionID) (*Listing, error) {
	l.ahead.entered(id)
	return l.Session(ctx, id)
}

// Session returns the listing of a session: from memory or the sealed store
// while it is younger than the time to live, from the API otherwise. When
// the API can't say, the last listing serves, however old.
//
// Errors: ErrNotFound when the API said so, ErrOffline, those of package
// veriff, or the cause of ctx's end.
func (l *Library) Session(ctx context.Context, id veriff.SessionID) (*Listing, error) {
	if l.sessions.Absent(id) {
		return nil, fmt.Errorf("library: session %s: %w", id, ErrNotFound)
	}
	return l.listings.get(ctx, id)
}

// Find returns a file of a session by name. A listing of any age may say
// that it is there; only one that is up to date and complete says that it is
// not.
func (l *Library) Find(ctx context.Context, id veriff.SessionID, name string) (*File, error) {
	if last, ok := l.listings.present(id); ok {
		if f, ok := last.Lookup(name); ok {
			return f, nil
		}
	}
	list, err := l.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	if f, ok := list.Lookup(name); ok {
		return f, nil
	}
	return nil, list.Missing(name)
}

// ForgetListing makes the next call of Session ask the API, because there is
// word that the session has changed.
func (l *Library) ForgetListing(id veriff.SessionID) { l.listings.expire(id) }

// storedSession is the listing of a session as the last answers in the sealed
// store give it.
func (l *Library) storedSession(id veriff.SessionID) (a answer[*Listing], ok bool) {
	body, label, ok := l.loadDocument(documentKey{id, MediaDocument}.key())
	if !ok || label.Absent {
		return a, false
	}
	media, err := veriff.DecodeMediaList(body)
	if err != nil {
		return a, false
	}
	attempt, created := l.catalog.Newest(id)
	return answer[*Listing]{value: listing.New(id, attempt, created, media), asked: label.stored}, true
}

// askSession gets media and attempts of a session from the API, side by side,
// and stores both as they were received. A failure of the attempts costs the
// date, not the files.
func (l *Library) askSession(t *flight.Task, id veriff.SessionID) (*Listing, error) {
	var (
		media    veriff.MediaList
		attempts veriff.AttemptList
		group    errgroup.Group
	)
	group.Go(func() error {
		return l.call(t, func(ctx context.Context) (err error) {
			media, err = l.client.SessionMedia(ctx, id)
			return err
		})
	})
	group.Go(func() (err error) {
		attempts, err = l.askAttempts(t, id)
		return err
	})
	err := group.Wait()
	if err != nil {
		return nil, fmt.Errorf("library: list session %s: %w", id, err)
	}
	if media.Dropped > 0 {
		l.log.Warn("entries of a listing have no usable id and are not shown", "session", id, "entries", media.Dropped)
	}
	if attempts.Body != nil {
		l.catalogued(id, attempts.Items)
	}
	attempt, created := l.catalog.Newest(id)
	list := listing.New(id, attempt, created, media)
	if last, ok := l.listings.present(id); ok {
		l.renumber(list, last) // before anybody sees it, or another last one
	}
	l.keepDocument(documentKey{id, MediaDocument}, media.Document)
	return list, nil
}

// askAttempts gets the attempts of a session from the API and stores them as
// they were received. The list has no body if they could not be had; that
// they were not asked for, because the API asks for fewer requests, is an
// error.
func (l *Library) askAttempts(t *flight.Task, id veriff.SessionID) (attempts veriff.AttemptList, err error) {
	err = l.call(t, func(ctx context.Context) (err error) {
		attempts, err = l.client.SessionAttempts(ctx, id)
		return err
	})
	if errors.Is(err, veriff.ErrRateLimited) {
		return veriff.AttemptList{}, err
	}
	if err != nil {
		if t.Context().Err() == nil && !errors.Is(err, ErrNotFound) {
			l.log.Warn("the attempts of a session could not be listed, its files may show no date", "session", id, "error", err)
		}
		return veriff.AttemptList{}, nil
	}
	l.keepDocument(documentKey{id, AttemptsDocument}, attempts.Document)
	return attempts, nil
}

// keepSession tells what has changed with a new listing from the API. Files
// that an attempt does not have any more may be deleted: see [Library.suspect].
func (l *Library) keepSession(id veriff.SessionID, list, last *Listing) {
	l.catalog.Restore(id)
	if l.sessions.Visit(id) {
		l.observer.tell(Change{SessionsChanged: true, AttemptsChanged: true})
	}
	if last != nil && last.Same(list) {
		return
	}
	missing := list.Gone(last)
	l.observer.tell(Change{Session: id, FilesGone: missing})
	if len(missing) > 0 && list.Proves && list.Attempt == last.Attempt && !list.Attempt.IsZero() {
		l.attempts.expire(list.Attempt)
		l.suspect(list.Attempt)
	}
}

// SetSessions replaces the sessions that are listed to the library. ids are
// sorted, without duplicates, and belong to the library from now on.
func (l *Library) SetSessions(ids []veriff.SessionID) {
	removed := l.sessions.Set(ids)
	l.observer.tell(Change{SessionsChanged: true, AttemptsChanged: true, SessionsGone: removed})
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
