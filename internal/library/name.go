package library

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unique"

	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// The directories of a mount that hold one for each session or attempt.
const (
	SessionsTree = "sessions"
	AttemptsTree = "attempts"
	ContextsTree = "by-context"
	MetadataTree = "metadata"
)

// Name is how a person names a session, an attempt or a file: by its id, or by
// where a mount shows it.
type Name struct {
	Tree string // "" for an id alone, of which nothing tells whose it is
	ID   string // in its canonical form
	File string // in the directory ID of the tree; "" for the directory
}

// ParseName reads an id, or a path that starts in a mount point. The error is
// veriff.ErrNotUUID, wrapped, if an id is missing.
func ParseName(text string) (n Name, err error) {
	parts := strings.Split(text, "/")
	path := len(parts) > 1
	if path {
		n.Tree, parts = parts[0], parts[1:]
	}
	id, err := veriff.ParseSessionID(parts[0])
	if err != nil {
		return n, fmt.Errorf("library: an id is expected, or the path of a session, an attempt or a file: %w", err)
	}
	n.ID, n.File = id.String(), strings.Join(parts[1:], "/")
	possible := n.File == ""
	switch n.Tree {
	case "":
		possible = !path
	case SessionsTree, AttemptsTree:
		possible = possible || listing.PossibleName(n.File)
	case ContextsTree:
		possible = possible || listing.PossibleNameByContext(n.File)
	case MetadataTree:
		if _, ok := ParseDocumentName(n.File); ok {
			return n, fmt.Errorf("library: %s belongs to its session, name that: %s/%s", text, n.Tree, n.ID)
		}
	default:
		possible = false
	}
	if !possible || strings.Contains(n.File, "/") {
		return n, fmt.Errorf("library: %s is no session, no attempt and no file", text)
	}
	return n, nil
}

func (n Name) String() string {
	text := n.ID
	if n.Tree != "" {
		text = n.Tree + "/" + text
	}
	if n.File != "" {
		text += "/" + n.File
	}
	return text
}

func (n Name) session() veriff.SessionID {
	id, _ := veriff.ParseSessionID(n.ID) // it was parsed before
	return id
}

func (n Name) attempt() veriff.AttemptID { return veriff.AttemptID(n.session()) }

// resolve finds out what a name stands for: the files of a session or an
// attempt, with their listing, or one file.
func (l *keeper) resolve(ctx context.Context, name string) (list *Listing, files []*File, err error) {
	n, err := ParseName(name)
	if err != nil {
		return nil, nil, err
	}
	var file *File
	switch {
	case n.Tree == "":
		list, file, err = l.lookUp(ctx, n.session())
	case n.Tree == AttemptsTree && n.File == "":
		list, err = l.attempts.Attempt(ctx, n.attempt())
	case n.Tree == AttemptsTree:
		file, err = l.attempts.FindInAttempt(ctx, n.attempt(), n.File)
	case n.File == "":
		list, err = l.listings.Session(ctx, n.session())
	case n.Tree == ContextsTree:
		file, err = l.listings.FindByContext(ctx, n.session(), n.File)
	default:
		file, err = l.listings.Find(ctx, n.session(), n.File)
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
	return &File{ID: id, Listed: o.Size(), In: in, MIMEType: unique.Make(label.MIMEType)}
}
