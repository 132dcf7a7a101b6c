package library

import (
	"context"
	"fmt"
	"time"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/internal/store"
)

// Evicted is what an eviction freed.
type Evicted struct {
	Files  int   `json:"files"`
	Bytes  int64 `json:"bytes"`  // on disk
	Pinned int   `json:"pinned"` // files that were meant, too, and stay
	Held   int   `json:"held"`   // likewise, because of a hold
}

// Evict makes room: it removes the files that names stand for, or with no
// names every file, from the cache. What is pinned stays, and so do listings
// and what the kernel holds. It asks the API nothing. It is no erasure.
func (l *keeper) Evict(ctx context.Context, names []string) (Evicted, error) {
	meant, err := l.meant(names)
	if err != nil {
		return Evicted{}, err
	}
	pinned := make(map[cache.Key]bool) // the cache is read more than once
	report, err := l.cache.Purge(ctx, func(k cache.Key, text []byte, _ time.Time) bool {
		media, ok := store.FileOf(k)
		if !ok || len(names) > 0 && !meant(media.String(), text) {
			return false
		}
		if l.cache.Pinned(k) {
			pinned[k] = true
			return false
		}
		return true
	})
	return Evicted{Files: len(report.Erased), Bytes: report.Bytes, Pinned: len(pinned), Held: int(report.Held)}, err
}

// meant tells by the id and the label of a file in the cache whether one of
// the names stands for it.
func (l *keeper) meant(names []string) (func(media string, text []byte) bool, error) {
	media, sessions, attempts := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, name := range names {
		n, err := listing.ParseName(name)
		if err != nil {
			return nil, err
		}
		switch {
		case n.Tree == "":
			media[n.ID], sessions[n.ID], attempts[n.ID] = true, true, true
		case n.Tree == listing.AttemptsTree && n.File == "":
			attempts[n.ID] = true
		case n.File == "":
			sessions[n.ID] = true
		case n.Tree == listing.ContextsTree:
			list, ok := l.listings.answers.Present(n.Session())
			if !ok {
				return nil, fmt.Errorf("library: %s: the list of its session is not in the cache: look into the directory first", name)
			}
			file, ok := list.FindByContext(n.File, l.catalog.Number)
			if !ok {
				return nil, list.Missing(n.File)
			}
			media[file.ID.String()] = true
		default:
			media[n.File[:listing.IDLen]] = true
		}
	}
	return func(id string, text []byte) bool {
		label, _ := store.ParseLabel(text) // without one it is nobody's
		session, attempt := label.Owners()
		return media[id] || sessions[session.String()] || attempts[attempt.String()]
	}, nil
}

// Audited is what an audit of the cache found.
type Audited = store.Audited

// Audit reads the whole cache through and checks every object. It changes nothing.
func (l *Library) Audit(ctx context.Context) (Audited, error) { return store.Audit(ctx, l.cache) }
