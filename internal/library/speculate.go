package library

import (
	"veriffs/internal/flight"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// speculator is the library as reading ahead sees it.
type speculator struct{ *files }

func (s speculator) Listing(id veriff.SessionID) (*Listing, bool) { return s.listings.answers.Peek(id) }

func (s speculator) List(id veriff.SessionID, then func()) { s.listings.answers.Refresh(id, then) }

func (s speculator) Wanted(f *File) bool { return s.shown.Shows(f) && !s.cache.Has(store.File(f.ID)) }

func (s speculator) Speculate(f *File) *flight.Task {
	return s.fetches.Speculate(f.ID, func(t *flight.Task) (*object, error) { return s.obtain(t, f) })
}

func (s speculator) Spawn(f func()) { s.spawn(f) }
