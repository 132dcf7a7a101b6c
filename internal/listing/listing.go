// Package listing is what the API lists for a session or an attempt, and what
// the files in it are called.
//
// Promises: every name is made here from an id, a media type or a context, and
// never taken over from the API; it is safe for every file system, unique in
// its listing, and found again. A [Listing] does not change once it is shown.
//
// It does no I/O and holds no lock but the one that lets the names by context
// be given when they are first asked for.
package listing

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unique"

	"veriffs/veriff"
)

// ErrIncomplete says that a listing has entries that can't be used, so that what
// it lacks may be there all the same.
var ErrIncomplete = errors.New("the list is incomplete")

// UnknownSize is the size of a file that has to be fetched to know it.
const UnknownSize = -1

// Listing is what the API lists for a session, the media of its newest
// attempt, or for one attempt, in the order of their names.
type Listing struct {
	Session   veriff.SessionID // zero if the API does not say whose attempt it is
	Attempt   veriff.AttemptID // zero if the attempts are not known
	Created   int64            // of the attempt, Unix milliseconds; 0 if not known
	Files     []File           // sorted by ID, no id twice
	OfAttempt bool             // it was an attempt that was asked for
	Kept      bool             // the API has it no more: it is what a hold keeps

	Incomplete bool // the API listed something that can't be used
	Proves     bool // that what it lacks is not there: complete, just received, and signed, with all attempts

	naming sync.Once
	names  *names // after naming
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
	ID         veriff.MediaID
	ListedSize int64 // bytes according to the list, UnknownSize if it gave none
	Type       unique.Handle[Type]
	In         *Listing
}

// Type is what the API says a file is. Few differ.
type Type struct {
	Context  string
	MIMEType string      // as the API gives it
	Kind     veriff.Kind // 0 if it is not known: of what only a hold remembers
}

// Context is where the file comes from, in the API's words.
func (f *File) Context() string { return f.Type.Value().Context }

// MIMEType is the file's media type, in the API's words.
func (f *File) MIMEType() string { return f.Type.Value().MIMEType }

// Name is the file's name: <mediaId>.<ext>.
func (f *File) Name() string { return f.ID.String() + "." + f.Extension() }

// Extension is the end of the file's name, without its dot.
func (f *File) Extension() string { return extension(f.MIMEType()) }

// Lookup returns the file of that name, if the listing has it.
func (l *Listing) Lookup(name string) (*File, bool) {
	id, ext, ok := splitName(name)
	if !ok {
		return nil, false
	}
	f, ok := l.Find(id)
	if !ok || f.Extension() != ext {
		return nil, false
	}
	return f, true
}

// Date is when the listing's attempt began, or the zero time.
func (l *Listing) Date() time.Time {
	if l.Created == 0 {
		return time.Time{}
	}
	return time.UnixMilli(l.Created)
}

// Has reports whether a file is in the listing.
func (l *Listing) Has(id veriff.MediaID) bool {
	_, ok := l.Find(id)
	return ok
}

// Missing is the error for a name that is not in the listing:
// [veriff.ErrNotFound] if the listing is complete, else ErrIncomplete.
func (l *Listing) Missing(name string) error {
	if l.Incomplete {
		return fmt.Errorf("listing: %s has no file %s that is known: %w", l, name, ErrIncomplete)
	}
	return fmt.Errorf("listing: %s has no file %s: %w", l, name, veriff.ErrNotFound)
}

// Find returns the file of an id.
func (l *Listing) Find(id veriff.MediaID) (*File, bool) {
	i, ok := slices.BinarySearchFunc(l.Files, id, func(f File, id veriff.MediaID) int { return f.ID.Compare(id) })
	if !ok {
		return nil, false
	}
	return &l.Files[i], true
}

// Same reports whether two listings show the same names and dates.
func (l *Listing) Same(o *Listing) bool {
	return l.Attempt == o.Attempt && l.Created == o.Created && l.Incomplete == o.Incomplete &&
		slices.EqualFunc(l.Files, o.Files, func(a, b File) bool {
			return a.ID == b.ID && a.ListedSize == b.ListedSize && a.Type == b.Type
		})
}

// New builds a listing from what the API answered and what is known of the
// attempt that it shows.
func New(session veriff.SessionID, attempt veriff.AttemptID, created time.Time, media veriff.MediaList) *Listing {
	l := &Listing{Session: session, Attempt: attempt, Incomplete: media.Dropped > 0}
	if !created.IsZero() {
		l.Created = created.UnixMilli()
	}
	l.Proves = !l.Incomplete && media.Body != nil && media.Secret >= 0
	l.Files = make([]File, len(media.Items))
	for i, m := range media.Items {
		l.Files[i] = File{
			ID: m.ID, ListedSize: m.Size, In: l,
			Type: unique.Make(Type{clip(m.Context), clip(m.MIMEType), m.Kind}),
		}
	}
	slices.SortFunc(l.Files, func(a, b File) int { return a.ID.Compare(b.ID) })
	return l
}

// Keep adds files that a listing lacks, before anybody sees it.
func (l *Listing) Keep(files []File) {
	for _, f := range files {
		f.In = l
		l.Files = append(l.Files, f)
	}
	slices.SortFunc(l.Files, func(a, b File) int { return a.ID.Compare(b.ID) })
}

// Gone returns the names that last has and the listing has not; last may be
// nil.
func (l *Listing) Gone(last *Listing) (names []string) {
	if last == nil {
		return nil
	}
	for i := range last.Files {
		name := last.Files[i].Name()
		if _, ok := l.Lookup(name); !ok {
			names = append(names, name)
		}
	}
	return names
}

// clip bounds what the API says of a file: it is sealed in a label, which has
// bounds of its own.
func clip(s string) string {
	const most = 255
	return s[:min(len(s), most)]
}
