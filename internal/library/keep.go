package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unique"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// Pinned is what a pin keeps, or kept.
type Pinned struct {
	Files   int `json:"files"`
	Fetched int `json:"fetched"` // of them, in the cache
}

// Pin keeps what a name stands for from being evicted for room: of a session
// or an attempt, its listings and the files that it lists now, whether they
// are in the cache yet or not; or a single file. Age and erasure end it all
// the same. See ParseName for what a name is.
//
// Errors: ErrNotFound if an id is neither that of a session that the API has
// nor of a file or attempt that is known, or if a path leads nowhere.
func (l *Library) Pin(ctx context.Context, name string) (Pinned, error) {
	return l.eachKey(ctx, name, l.cache.Pin)
}

// Unpin undoes Pin.
func (l *Library) Unpin(ctx context.Context, name string) (Pinned, error) {
	return l.eachKey(ctx, name, l.cache.Unpin)
}

// eachKey applies f to the keys of what a name stands for.
func (l *Library) eachKey(ctx context.Context, name string, f func(cache.Key) error) (p Pinned, err error) {
	list, files, err := l.resolve(ctx, name)
	if err != nil {
		return p, err
	}
	var errs error
	switch {
	case list == nil:
	case list.OfAttempt:
		errs = f(attemptMediaKey(list.Attempt))
	default:
		for kind := range DocumentKinds {
			if kind.listed() {
				errs = errors.Join(errs, f(documentKey{list.Session, kind}.key()))
			}
		}
	}
	for _, file := range files {
		key := mediaKey(file.ID)
		errs = errors.Join(errs, f(key))
		p.Files++
		if l.cache.Has(key) {
			p.Fetched++
		}
	}
	return p, errs
}

// resolve finds out what a name stands for: the files of a session or an
// attempt, with their listing, or one file.
func (l *Library) resolve(ctx context.Context, name string) (list *Listing, files []*File, err error) {
	n, err := ParseName(name)
	if err != nil {
		return nil, nil, err
	}
	var file *File
	switch {
	case n.Tree == "":
		list, file, err = l.lookUp(ctx, n.session())
	case n.Tree == AttemptsTree && n.File == "":
		list, err = l.Attempt(ctx, n.attempt())
	case n.Tree == AttemptsTree:
		file, err = l.FindInAttempt(ctx, n.attempt(), n.File)
	case n.File == "":
		list, err = l.Session(ctx, n.session())
	case n.Tree == ContextsTree:
		file, err = l.FindByContext(ctx, n.session(), n.File)
	default:
		file, err = l.Find(ctx, n.session(), n.File)
	}
	switch {
	case err != nil:
		return nil, nil, err
	case list == nil:
		return nil, []*File{file}, nil
	}
	for i := range list.Files {
		files = append(files, &list.Files[i])
	}
	return list, files, nil
}

// lookUp finds out whose id this is. Nothing in an id tells, so it is looked
// up in what is known before the API is asked for a session.
func (l *Library) lookUp(ctx context.Context, id veriff.SessionID) (*Listing, *File, error) {
	if list, ok := l.listings.present(id); ok {
		return list, nil, nil
	}
	if !l.HasSession(id) {
		if file := l.knownFile(veriff.MediaID(id)); file != nil {
			return nil, file, nil
		}
		if attempt := veriff.AttemptID(id); l.HasAttempt(attempt) {
			list, err := l.Attempt(ctx, attempt)
			return list, nil, err
		}
	}
	list, err := l.Session(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("library: %s is no file and no attempt that is known, and as a session: %w", id, err)
	}
	return list, nil, nil
}

// knownFile returns a file that is in a listing that was looked at not long
// ago, or in the cache.
func (l *Library) knownFile(id veriff.MediaID) *File {
	for _, memory := range [][]answer[*Listing]{l.listings.memory.Values(), l.attempts.memory.Values()} {
		for _, list := range memory {
			if list.absent {
				continue
			}
			if f, ok := list.value.Find(id); ok {
				return f
			}
		}
	}
	o, ok := l.cache.Get(mediaKey(id))
	if !ok {
		return nil
	}
	defer o.Close()
	var lb label
	if json.Unmarshal(o.Label(), &lb) != nil {
		return nil
	}
	in := new(Listing)
	in.Session, _ = veriff.ParseSessionID(lb.Session) // zero if that is not known
	in.Attempt, _ = veriff.ParseAttemptID(lb.Attempt)
	return &File{ID: id, Listed: o.Size(), In: in, MIMEType: unique.Make(lb.MIMEType)}
}

// Evicted is what an eviction freed.
type Evicted struct {
	Files  int   `json:"files"`
	Bytes  int64 `json:"bytes"`  // on disk
	Pinned int   `json:"pinned"` // files that were meant, too, and stay
}

// Evict makes room: it removes the files that names stand for, or with no
// names every file, from the cache. What is pinned stays, and so do listings
// and what the kernel holds. It asks the API nothing. It is no erasure.
func (l *Library) Evict(ctx context.Context, names []string) (Evicted, error) {
	meant, err := l.meant(names)
	if err != nil {
		return Evicted{}, err
	}
	pinned := make(map[cache.Key]bool) // the cache is read more than once
	report, err := l.cache.Purge(ctx, func(k cache.Key, text []byte, _ time.Time) bool {
		media, ok := mediaOf(k)
		if !ok || len(names) > 0 && !meant(media.String(), text) {
			return false
		}
		if l.cache.Pinned(k) {
			pinned[k] = true
			return false
		}
		return true
	})
	return Evicted{Files: len(report.Erased), Bytes: report.Bytes, Pinned: len(pinned)}, err
}

// meant tells by the id and the label of a file in the cache whether one of
// the names stands for it.
func (l *Library) meant(names []string) (func(media string, text []byte) bool, error) {
	media, sessions, attempts := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, name := range names {
		n, err := ParseName(name)
		if err != nil {
			return nil, err
		}
		switch {
		case n.Tree == "":
			media[n.ID], sessions[n.ID], attempts[n.ID] = true, true, true
		case n.Tree == AttemptsTree && n.File == "":
			attempts[n.ID] = true
		case n.File == "":
			sessions[n.ID] = true
		case n.Tree == ContextsTree:
			list, ok := l.listings.present(n.session())
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
		session, attempt := ownersOf(text)
		return media[id] || sessions[session.String()] || attempts[attempt.String()]
	}, nil
}
