package library

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/internal/store"
)

// keeper pins files, and evicts them.
type keeper struct {
	*core
	listings *listings
	attempts *attempts
}

// Pinned is what a pin keeps, or kept.
type Pinned struct {
	Files   int `json:"files"`
	Fetched int `json:"fetched"` // of them, in the cache
}

// Pin keeps what a name stands for from being evicted for room: of a session
// or an attempt, its listings and the files that it lists now, whether they
// are in the cache yet or not; or a single file. What is not shown is left out. Age and erasure end a pin all
// the same. See listing.ParseName for what a name is.
//
// Errors: ErrNotFound if an id is neither that of a session that the API has
// nor of a file or attempt that is known, or if a path leads nowhere.
func (l *keeper) Pin(ctx context.Context, name string) (Pinned, error) {
	return l.eachKey(ctx, name, l.shown, l.cache.Pin)
}

// Unpin undoes Pin.
func (l *keeper) Unpin(ctx context.Context, name string) (Pinned, error) {
	return l.eachKey(ctx, name, listing.Selection{}, l.cache.Unpin)
}

// eachKey applies f to the keys of what a name stands for, of files if they are shown.
func (l *keeper) eachKey(ctx context.Context, name string, shown listing.Selection, f func(cache.Key) error) (p Pinned, err error) {
	list, files, err := l.resolve(ctx, name)
	if err != nil {
		return p, err
	}
	files = slices.DeleteFunc(files, func(f *File) bool { return !shown.Shows(f) })
	if list == nil && len(files) == 0 {
		return p, fmt.Errorf("library: %s is not shown: %w", name, ErrNotFound)
	}
	var errs error
	switch {
	case list == nil:
	case list.OfAttempt:
		errs = f(store.AttemptList(list.Attempt))
	default:
		for kind := range listing.DocumentKinds {
			if kind.InListing() {
				errs = errors.Join(errs, f(store.Document(documentID{Session: list.Session, Kind: kind})))
			}
		}
	}
	for _, file := range files {
		key := store.File(file.ID)
		errs = errors.Join(errs, f(key))
		p.Files++
		// Has knows nothing of what the index has not loaded yet.
		if o, ok := l.cache.Get(key); ok {
			o.Close()
			p.Fetched++
		}
	}
	return p, errs
}
