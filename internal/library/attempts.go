package library

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"veriffs/cache"
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

// knownAttempts is the sorted set of attempts, made when somebody looks.
type knownAttempts struct {
	mu      sync.Mutex
	ids     []veriff.AttemptID
	version uint64 // of what ids were made of
	gone    map[veriff.AttemptID]time.Time
	losses  uint64 // grows with every change of gone
}

// Attempts returns, from memory, every attempt of the sessions that there are,
// as far as their lists of attempts were ever had, in order, and a number that
// changes when the answer may have. The slice must not be changed.
func (l *Library) Attempts() (ids []veriff.AttemptID, version uint64) {
	k := &l.known
	k.mu.Lock()
	defer k.mu.Unlock()
	_, sessions := l.sessions.all()
	version = 1 + sessions + l.catalog.attemptsVersion() + k.losses // each only ever grows
	if k.version == version {
		return k.ids, version
	}
	now := l.now()
	l.catalog.each(func(session veriff.SessionID, id veriff.AttemptID) {
		if l.sessions.has(session) && !now.Before(k.gone[id]) {
			ids = append(ids, id)
		}
	})
	slices.SortFunc(ids, veriff.AttemptID.Compare)
	k.ids, k.version = slices.Compact(ids), version
	return k.ids, version
}

// HasAttempt reports, from memory, whether Attempts has an attempt.
func (l *Library) HasAttempt(id veriff.AttemptID) bool {
	session, _ := l.catalog.attempt(id)
	if session.IsZero() || !l.sessions.has(session) {
		return false
	}
	l.known.mu.Lock()
	defer l.known.mu.Unlock()
	return !l.now().Before(l.known.gone[id])
}

// AttemptCreated returns, from memory, when an attempt began: the zero time
// if that is not known.
func (l *Library) AttemptCreated(id veriff.AttemptID) time.Time {
	_, created := l.catalog.attempt(id)
	return created
}

// catalogued remembers the attempts of a session and tells if they are others
// than before.
func (l *Library) catalogued(id veriff.SessionID, attempts []veriff.Attempt) {
	if changed, latest := l.catalog.setAttempts(id, attempts); changed {
		l.observer.tell(Change{Session: id, AttemptsChanged: true, NewestChanged: latest})
	}
}

func attemptMediaKey(id veriff.AttemptID) cache.Key {
	return cache.Key("attempt/" + id.String() + "/media")
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
	session, created := l.catalog.attempt(id)
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
	session, _ := l.catalog.attempt(id)
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
	l.known.found(id)
	if last != nil && last.Same(list) {
		return
	}
	missing := list.Gone(last)
	l.observer.tell(Change{Attempt: id, FilesGone: missing})
	if len(missing) > 0 && list.Proves {
		l.suspect(id)
	}
}

// lost takes an attempt out of the listing until then.
func (k *knownAttempts) lost(id veriff.AttemptID, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gone == nil {
		k.gone = make(map[veriff.AttemptID]time.Time)
	}
	k.gone[id] = until
	k.losses++
}

// found takes back that an attempt was lost.
func (k *knownAttempts) found(id veriff.AttemptID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.gone[id]; ok {
		delete(k.gone, id)
		k.losses++
	}
}
