package library

import (
	"fmt"
	"slices"
	"time"
	"unique"

	"veriffs/veriff"
)

// Listing is what the API lists for a session, the media of its newest
// attempt, or for one attempt, in the order of their names. A Listing does not
// change.
type Listing struct {
	Session   veriff.SessionID // zero if the API does not say whose attempt it is
	Attempt   veriff.AttemptID // zero if the attempts are not known
	Created   time.Time        // of the attempt; zero if not known
	Files     []File           // sorted by ID, no id twice
	OfAttempt bool             // it was an attempt that was asked for

	incomplete bool // the API listed something that can't be used
	proves     bool // that what it lacks is not there: complete, just received, and signed
	names      names
}

// String says what is listed, for errors.
func (l *Listing) String() string {
	if l.OfAttempt {
		return "attempt " + l.Attempt.String()
	}
	return "session " + l.Session.String()
}

// File is one entry of a listing. A million may be in memory, so what
// repeats is interned and what is the same for all is in the listing.
type File struct {
	ID       veriff.MediaID
	Listed   int64 // bytes according to the list, -1 if it gave none
	Context  unique.Handle[string]
	mimetype unique.Handle[string]
	In       *Listing
}

// Name is the file's name: <mediaId>.<ext>.
func (f *File) Name() string { return f.ID.String() + "." + extension(f.mimetype.Value()) }

// Lookup returns the file of that name, if the listing has it.
func (l *Listing) Lookup(name string) (*File, bool) {
	id, ext, ok := splitName(name)
	if !ok {
		return nil, false
	}
	f, ok := l.find(id)
	if !ok || extension(f.mimetype.Value()) != ext {
		return nil, false
	}
	return f, true
}

// file is Lookup with the error for a name that is not there.
func (l *Listing) file(name string) (*File, error) {
	if f, ok := l.Lookup(name); ok {
		return f, nil
	}
	return nil, l.without(name)
}

func (l *Listing) has(id veriff.MediaID) bool {
	_, ok := l.find(id)
	return ok
}

// without is the error for a name that is not in a listing: it is absent only
// if the listing is complete.
func (l *Listing) without(name string) error {
	if l.incomplete {
		return fmt.Errorf("library: %s has no file %s that is known: %w", l, name, ErrIncomplete)
	}
	return fmt.Errorf("library: %s has no file %s: %w", l, name, ErrNotFound)
}

func (l *Listing) find(id veriff.MediaID) (*File, bool) {
	i, ok := slices.BinarySearchFunc(l.Files, id, func(f File, id veriff.MediaID) int { return f.ID.Compare(id) })
	if !ok {
		return nil, false
	}
	return &l.Files[i], true
}

// same reports whether two listings show the same names and dates.
func (l *Listing) same(o *Listing) bool {
	return l.Attempt == o.Attempt && l.Created.Equal(o.Created) && l.incomplete == o.incomplete &&
		slices.EqualFunc(l.Files, o.Files, func(a, b File) bool {
			return a.ID == b.ID && a.Listed == b.Listed && a.mimetype == b.mimetype && a.Context == b.Context
		})
}

// listingsFiles bounds the decoded listings in memory, in files: some 60 bytes
// each. The others come back from the sealed store when they are entered.
const listingsFiles = 2 << 20

// listingWeight is what a listing counts for: one with few files takes memory
// too.
func listingWeight(a answer[*Listing]) int {
	const least = 4
	if a.absent {
		return least
	}
	return len(a.value.Files) + least
}

// newListing builds a listing from what the API answered and what is known of
// the attempt that it shows.
func newListing(session veriff.SessionID, attempt veriff.AttemptID, created time.Time, media veriff.MediaList) *Listing {
	l := &Listing{Session: session, Attempt: attempt, Created: created, incomplete: media.Dropped > 0}
	l.proves = !l.incomplete && media.Body != nil && media.Secret >= 0
	l.Files = make([]File, len(media.Items))
	for i, m := range media.Items {
		l.Files[i] = File{
			ID: m.ID, Listed: m.Size, In: l,
			Context: unique.Make(m.Context), mimetype: unique.Make(m.MIMEType),
		}
	}
	slices.SortFunc(l.Files, func(a, b File) int { return a.ID.Compare(b.ID) })
	return l
}
