package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veriffs/cache"
	"veriffs/veriff"
)

// Pin keeps what an id names from being evicted for room: of a session, its
// listings and the files that it lists now, whether they are in the cache yet
// or not; or a single file. Age and erasure end it all the same. It returns
// how many files that are.
//
// Errors: ErrNotFound if id names neither a session that the API has nor a
// file that is known.
func (l *Library) Pin(ctx context.Context, id string) (files int, err error) {
	return l.eachKey(ctx, id, l.cache.Pin)
}

// Unpin undoes Pin.
func (l *Library) Unpin(ctx context.Context, id string) (files int, err error) {
	return l.eachKey(ctx, id, l.cache.Unpin)
}

// eachKey applies f to the keys of what id names.
func (l *Library) eachKey(ctx context.Context, id string, f func(cache.Key) error) (files int, err error) {
	list, media, err := l.resolve(ctx, id)
	if err != nil {
		return 0, err
	}
	if list == nil {
		return 1, f(mediaKey(media))
	}
	var errs error
	for kind := range DocumentKinds {
		if kind.listed() {
			errs = errors.Join(errs, f(documentKey{list.Session, kind}.key()))
		}
	}
	for i := range list.Files {
		errs = errors.Join(errs, f(mediaKey(list.Files[i].ID)))
	}
	return len(list.Files), errs
}

// resolve finds out what an id names: a session, whose listing it returns, or
// else a file. Nothing in an id tells, so it is looked up in what is known
// before the API is asked.
func (l *Library) resolve(ctx context.Context, id string) (*Listing, veriff.MediaID, error) {
	session, err := veriff.ParseSessionID(id)
	if err != nil {
		return nil, veriff.MediaID{}, fmt.Errorf("library: an id is expected: %w", err)
	}
	if list, ok := l.listings.present(session); ok {
		return list, veriff.MediaID{}, nil
	}
	media := veriff.MediaID(session)
	if !l.HasSession(session) && l.knowsMedia(media) {
		return nil, media, nil
	}
	list, err := l.Session(ctx, session)
	if err != nil {
		return nil, veriff.MediaID{}, fmt.Errorf("library: %s is no file that is known, and as a session: %w", id, err)
	}
	return list, veriff.MediaID{}, nil
}

// knowsMedia reports whether a file is in the cache or in a listing that was
// looked at not long ago.
func (l *Library) knowsMedia(id veriff.MediaID) bool {
	if o, ok := l.cache.Get(mediaKey(id)); ok {
		o.Close()
		return true
	}
	for _, memory := range [][]answer[*Listing]{l.listings.memory.Values(), l.attempts.memory.Values()} {
		for _, list := range memory {
			if !list.absent && list.value.has(id) {
				return true
			}
		}
	}
	return false
}

// Evicted is what an eviction freed.
type Evicted struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"` // on disk
}

// Evict makes room: it removes the files of sessions, or single files, or with
// no ids every file, from the cache. What is pinned stays, and so do listings
// and what the kernel holds. It asks the API nothing. It is no erasure.
func (l *Library) Evict(ctx context.Context, ids []string) (Evicted, error) {
	named := make(map[string]bool, len(ids))
	for _, id := range ids {
		parsed, err := veriff.ParseMediaID(id)
		if err != nil {
			return Evicted{}, fmt.Errorf("library: an id is expected: %w", err)
		}
		named[parsed.String()] = true
	}
	report, err := l.cache.Purge(ctx, func(k cache.Key, text []byte, _ time.Time) bool {
		media, ok := mediaOf(k)
		if !ok || l.cache.Pinned(k) {
			return false
		}
		session, _ := ownersOf(text)
		return len(named) == 0 || named[media.String()] || named[session.String()]
	})
	return Evicted{Files: len(report.Erased), Bytes: report.Bytes}, err
}
