package library

import (
	"cmp"
	"slices"
	"time"

	"veriffs/internal/prefetch"
	"veriffs/veriff"
)

// datesKept is how long the order by date serves at least before it is made
// anew, in times of what that took: 40 ms with a hundred thousand sessions.
const datesKept = 100

// emptySessions bounds how many in a row are passed over.
const emptySessions = 256

// sequence is what the prediction sees of the library: which session comes
// after which, and the listings in memory.
type sequence struct {
	lib   *Library
	dates []datedSession // newest first, equal ones by name
	of    uint64         // version of the sessions and their dates
	until time.Time
}

type datedSession struct {
	created int64 // unix milliseconds, 0 if not known
	id      veriff.SessionID
}

func (a datedSession) compare(b datedSession) int {
	return cmp.Or(cmp.Compare(b.created, a.created), a.id.Compare(b.id))
}

// Next returns the session after another in an order, past those that are
// known to have no files.
func (s *sequence) Next(id veriff.SessionID, o prefetch.Order) (veriff.SessionID, bool) {
	for range emptySessions {
		next, ok := s.next(id, o)
		if !ok {
			break
		}
		if list, known := s.lib.listings.peek(next); !known || len(list.Files) > 0 {
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
		return s.lib.sessions.next(id, dir)
	}
	s.sort()
	_, created := s.lib.catalog.newest(id)
	n, found := slices.BinarySearchFunc(s.dates, datedSession{milliseconds(created), id}, datedSession.compare)
	if n += dir; found && n >= 0 && n < len(s.dates) {
		return s.dates[n].id, true
	}
	return next, false
}

// Listing returns the listing of a session if it is in memory and up to date.
func (s *sequence) Listing(id veriff.SessionID) (prefetch.Listing, bool) {
	list, ok := s.lib.listings.peek(id)
	return (*directory)(list), ok
}

func (s *sequence) sort() {
	start := s.lib.now()
	if start.Before(s.until) {
		return
	}
	ids, version := s.lib.sessions.all()
	version += s.lib.catalog.attemptsVersion() // both only ever grow
	if version == s.of {
		return
	}
	s.dates, s.of = s.lib.catalog.dated(ids), version
	slices.SortFunc(s.dates, datedSession.compare)
	// Where the dates of many are not known nobody can go by them, and the few
	// that are, of what was opened lately, are next to each other.
	if n := len(s.dates); n > 0 && s.dates[n*9/10].created == 0 {
		s.dates = nil
	}
	now := s.lib.now()
	s.until = now.Add(datesKept * now.Sub(start))
}
