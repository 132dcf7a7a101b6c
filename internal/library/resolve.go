package library

import (
	"context"
	"fmt"
	"slices"
	"unique"

	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// resolve finds out what a name stands for: the files of a session or an
// attempt, with their listing, or one file.
func (l *keeper) resolve(ctx context.Context, name string) (list *Listing, files []*File, err error) {
	n, err := listing.ParseName(name)
	if err != nil {
		return nil, nil, err
	}
	var file *File
	switch {
	case n.Tree == "":
		list, file, err = l.lookUp(ctx, n.Session())
	case n.Tree == listing.AttemptsTree && n.File == "":
		list, err = l.attempts.Attempt(ctx, n.Attempt())
	case n.Tree == listing.AttemptsTree:
		file, err = l.attempts.FindInAttempt(ctx, n.Attempt(), n.File)
	case n.File == "":
		list, err = l.listings.Session(ctx, n.Session())
	case n.Tree == listing.ContextsTree:
		file, err = l.listings.FindByContext(ctx, n.Session(), n.File)
	default:
		file, err = l.listings.Find(ctx, n.Session(), n.File)
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
func (l *keeper) lookUp(ctx context.Context, id veriff.SessionID) (*Listing, *File, error) {
	if list, ok := l.listings.answers.Present(id); ok {
		return list, nil, nil
	}
	if !l.sessions.Has(id) {
		if file := l.knownFile(veriff.MediaID(id)); file != nil {
			return nil, file, nil
		}
		if attempt := veriff.AttemptID(id); l.HasAttempt(attempt) {
			list, err := l.attempts.Attempt(ctx, attempt)
			return list, nil, err
		}
	}
	list, err := l.listings.Session(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("library: %s is no file and no attempt that is known, and as a session: %w", id, err)
	}
	return list, nil, nil
}

// knownFile returns a file that is in a listing that was looked at not long
// ago, or in the cache.
func (l *keeper) knownFile(id veriff.MediaID) *File {
	for _, list := range slices.Concat(l.listings.answers.Values(), l.attempts.answers.Values()) {
		if f, ok := list.Find(id); ok {
			return f
		}
	}
	o, ok := l.cache.Get(store.File(id))
	if !ok {
		return nil
	}
	defer o.Close()
	label, err := store.ParseLabel(o.Label())
	if err != nil {
		return nil
	}
	in := new(Listing)
	in.Session, in.Attempt = label.Owners()
	return &File{ID: id, ListedSize: o.Size(), In: in, Type: unique.Make(listing.Type{MIMEType: label.MIMEType})}
}
