package readahead

import (
	"cmp"
	"slices"
	"time"

	"veriffs/internal/catalog"
	"veriffs/internal/collection"
	"veriffs/internal/prefetch"
	"veriffs/veriff"
)

// datesKept is the minimum lifetime of the order by date, as a multiple of the
// sort time: 40 ms with a hundred thousand sessions.
const datesKept = 100

// emptySessions bounds how many empty sessions in a row are skipped.
const emptySessions = 256

// sequence is what the prediction sees of the library: which session comes
// after which, and the listings in memory.
type sequence struct {
	lib      Library
	sessions *collection.Sessions
	catalog  *catalog.Catalog

	dates []catalog.Dated // newest first, equal ones by name
	of    uint64          // version of the sessions and their dates
	until time.Time
}

func compareDates(a, b catalog.Dated) int {
	return cmp.Or(cmp.Compare(b.Created, a.Created), a.Session.Compare(b.Session))
}

// Next returns the session after another in an order, past those that are
// known to have no files.
func (s *sequence) Next(id veriff.SessionID, o prefetch.Order) (veriff.SessionID, bool) {
	for range emptySessions {
		next, ok := s.next(id, o)
		if !ok {
			break
		}
		if list, known := s.lib.Listing(next); !known || len(list.Files) > 0 {
			return next, true
		}
		id = next
	}
	return id, false
}

func (s *sequence) next(id veriff.SessionID, o prefetch.Order) (next veriff.SessionID, ok bool) {
	dir := +1
	if o.Reverse {
		dir = -1
	}
	if !o.ByDate {
		return s.sessions.Next(id, dir)
	}
	s.sort()
	_, created := s.catalog.Newest(id)
	n, found := slices.BinarySearchFunc(s.dates, catalog.Dated{Created: catalog.Milliseconds(created), Session: id}, compareDates)
	if n += dir; found && n >= 0 && n < len(s.dates) {
		return s.dates[n].Session, true
	}
	return next, false
}

// Listing returns the listing of a session if it is in memory and up to date.
func (s *sequence) Listing(id veriff.SessionID) (prefetch.Listing, bool) {
	list, ok := s.lib.Listing(id)
	return (*directory)(list), ok
}

func (s *sequence) sort() {
	start := time.Now()
	if start.Before(s.until) {
		return
	}
	ids, version := s.sessions.All()
	version += s.catalog.Version() // both only ever grow
	if version == s.of {
		return
	}
	s.dates, s.of = s.catalog.Dated(ids), version
	slices.SortFunc(s.dates, compareDates)
	// Nobody can go by dates while most are unknown; the few that are known, of
	// what was opened lately, would be taken for neighbours.
	if n := len(s.dates); n > 0 && s.dates[n*9/10].Created == 0 {
		s.dates = nil
	}
	s.until = time.Now().Add(datesKept * time.Since(start))
}
