package library

import (
	"context"
	"slices"

	"veriffs/internal/listing"
	"veriffs/veriff"
)

// What a library lists is described in package listing.
type (
	Listing   = listing.Listing
	File      = listing.File
	NamedFile = listing.NamedFile
)

// UnknownSize is the size of a file that has to be fetched to know it.
const UnknownSize = listing.UnknownSize

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

// renumber lets what is in both listings keep its name.
func (l *Library) renumber(list, last *Listing) {
	if last.Same(list) {
		return
	}
	var both []veriff.MediaID
	for _, f := range slices.Concat(last.Files, list.Files) {
		both = append(both, f.ID)
	}
	if l.catalog.SetNumbers(list.KeepNames(last, l.catalog.Number), both) {
		l.catalog.save() // it happens seldom, and nothing else could tell them
	}
}

// ByContext returns the files of a listing under their names by context, in
// the order of those names.
func (l *Library) ByContext(list *Listing) []NamedFile { return list.ByContext(l.catalog.Number) }

// FindByContext is Find by the name by context.
func (l *Library) FindByContext(ctx context.Context, id veriff.SessionID, name string) (*File, error) {
	// Unlike an id, a name may come to mean another file: only the list that
	// is up to date tells.
	list, err := l.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	if f, ok := list.FindByContext(name, l.catalog.Number); ok {
		return f, nil
	}
	return nil, list.Missing(name)
}

// PossibleName reports whether a listing could have a file of that name.
func PossibleName(name string) bool { return listing.PossibleName(name) }

// PossibleNameByContext reports whether a file could have that name by
// context.
func PossibleNameByContext(name string) bool { return listing.PossibleNameByContext(name) }
