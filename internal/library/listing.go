package library

import (
	"slices"
	"time"
	"unique"

	"veriffs/veriff"
)

// Listing is what the API lists for a session: the media of its newest
// attempt, in the order of their names. A Listing does not change.
type Listing struct {
	Session veriff.SessionID
	Attempt veriff.AttemptID // zero if the attempts are not known
	Created time.Time        // of the attempt; zero if not known
	Files   []File           // sorted by ID, no id twice

	asked time.Time // when the API was asked
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

func (l *Listing) find(id veriff.MediaID) (*File, bool) {
	i, ok := slices.BinarySearchFunc(l.Files, id, func(f File, id veriff.MediaID) int { return f.ID.Compare(id) })
	if !ok {
		return nil, false
	}
	return &l.Files[i], true
}

// same reports whether two listings show the same names and dates.
func (l *Listing) same(o *Listing) bool {
	return l.Attempt == o.Attempt && l.Created.Equal(o.Created) &&
		slices.EqualFunc(l.Files, o.Files, func(a, b File) bool {
			return a.ID == b.ID && a.Listed == b.Listed && a.mimetype == b.mimetype
		})
}

// newListing builds the listing of a session from what the API answered.
// Without attempts, created is what is known from earlier.
func newListing(session veriff.SessionID, media veriff.MediaList, attempts []veriff.Attempt, created time.Time) *Listing {
	l := &Listing{Session: session, Created: created, asked: media.Received}
	if len(attempts) > 0 {
		l.Attempt = attempts[0].ID // newest first, as documented
		if !attempts[0].Created.IsZero() {
			l.Created = attempts[0].Created
		}
	}
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
