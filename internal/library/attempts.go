package library

import (
	"context"
	"fmt"
	"iter"
	"time"

	"veriffs/internal/flight"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// Attempt returns the listing of one attempt, which may be an older one of
// its session, as Session does that of a session. It costs one request, and a
// second one if the attempt's date is not known from its session.
func (l *Library) Attempt(ctx context.Context, id veriff.AttemptID) (*Listing, error) {
	return l.attempts.get(ctx, id)
}

// FindInAttempt is Find in the listing of an attempt.
func (l *Library) FindInAttempt(ctx context.Context, id veriff.AttemptID, name string) (*File, error) {
	if last, ok := l.attempts.present(id); ok {
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

// Attempts returns, from memory, every attempt of the sessions that there are,
// as far as their lists of attempts were ever had, in order, and a number that
// changes when the answer may have. The slice must not be changed.
func (l *Library) Attempts() (ids []veriff.AttemptID, version uint64) { return l.known.All() }

// knownAttempts are the attempts of the sessions that there are. Their version
// only ever grows.
func (l *Library) knownAttempts() (iter.Seq[veriff.AttemptID], uint64) {
	_, sessions := l.sessions.All()
	version := sessions + l.catalog.Version()
	return func(yield func(veriff.AttemptID) bool) {
		for session, id := range l.catalog.All() {
			if l.sessions.Has(session) && !yield(id) {
				return
			}
		}
	}, version
}

// HasAttempt reports, from memory, whether Attempts has an attempt.
func (l *Library) HasAttempt(id veriff.AttemptID) bool {
	session, _ := l.catalog.Attempt(id)
	return !session.IsZero() && l.sessions.Has(session) && !l.known.Gone(id)
}

// AttemptCreated returns, from memory, when an attempt began: the zero time
// if that is not known.
func (l *Library) AttemptCreated(id veriff.AttemptID) time.Time {
	_, created := l.catalog.Attempt(id)
	return created
}

// catalogued remembers the attempts of a session and tells if they are others
// than before.
func (l *Library) catalogued(id veriff.SessionID, attempts []veriff.Attempt) {
	if changed, latest := l.catalog.SetAttempts(id, attempts); changed {
		l.observer.tell(Change{Session: id, AttemptsChanged: true, NewestChanged: latest})
	}
}

// storedAttempt is the listing of an attempt as the last answer in the sealed
// store gives it.
func (l *Library) storedAttempt(id veriff.AttemptID) (a answer[*Listing], ok bool) {
	body, label, ok := l.loadDocument(attemptMediaKey(id))
	if !ok {
		return a, false
	}
	media, err := veriff.DecodeMediaList(body)
	if err != nil {
		return a, false
	}
	return answer[*Listing]{value: l.attemptListing(id, media), asked: label.stored}, true
}

func (l *Library) attemptListing(id veriff.AttemptID, media veriff.MediaList) *Listing {
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

// askAttempt gets the media of an attempt from the API, and if nothing is
// known of the attempt yet, then the attempts of its session for the date.
func (l *Library) askAttempt(t *flight.Task, id veriff.AttemptID) (*Listing, error) {
	var media veriff.MediaList
	err := l.call(t, func(ctx context.Context) (err error) {
		media, err = l.client.AttemptMedia(ctx, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("library: list attempt %s: %w", id, err)
	}
	if media.Dropped > 0 {
		l.log.Warn("entries of a listing have no usable id and are not shown", "attempt", id, "entries", media.Dropped)
	}
	session, _ := l.catalog.Attempt(id)
	if session.IsZero() {
		if session = sessionOf(media); !session.IsZero() {
			attempts, err := l.askAttempts(t, session)
			if err != nil {
				return nil, fmt.Errorf("library: list attempt %s: %w", id, err)
			}
			if attempts.Body != nil {
				l.catalogued(session, attempts.Items)
			}
		}
	}
	l.storeDocument(attemptMediaKey(id), label{Session: idText(session), Attempt: idText(id)}, media.Document)
	return l.attemptListing(id, media), nil
}

// keepAttempt tells what has changed with a new listing from the API.
func (l *Library) keepAttempt(id veriff.AttemptID, list, last *Listing) {
	l.known.Restore(id)
	if last != nil && last.Same(list) {
		return
	}
	missing := list.Gone(last)
	l.observer.tell(Change{Attempt: id, FilesGone: missing})
	if len(missing) > 0 && list.Proves {
		l.suspect(id)
	}
}
