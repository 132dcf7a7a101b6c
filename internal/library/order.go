package library

import (
	"cmp"
	"slices"
	"time"

	"veriffs/veriff"
)

// order is one in which somebody goes through the sessions. The zero order is
// one that is not known yet.
type order struct {
	by  property
	dir int // +1, or -1 for the reverse
}

type property int

const (
	byName property = iota + 1
	byDate          // of the newest attempt, the newest first and equal ones by name, as ls -t has it
	byNone          // no order that we know
)

// someOrders are those that a walk is tried for.
var someOrders = [...]order{{byName, +1}, {byName, -1}, {byDate, +1}, {byDate, -1}}

// datesKept is how long the order by date serves at least before it is made
// anew, in times of what that took: 40 ms with a hundred thousand sessions.
const datesKept = 100

// sequence says which session comes after which.
type sequence struct {
	lib   *Library
	dates []datedSession // in the order of byDate
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

// after returns the session that comes after another in an order.
func (s *sequence) after(id veriff.SessionID, o order) (next veriff.SessionID, ok bool) {
	if o.dir == 0 {
		return id, false
	}
	switch o.by {
	case byName:
		return s.lib.sessions.next(id, o.dir)
	case byDate:
		s.sort()
		_, created := s.lib.catalog.newest(id)
		n, found := slices.BinarySearchFunc(s.dates, datedSession{milliseconds(created), id}, datedSession.compare)
		if n += o.dir; found && n >= 0 && n < len(s.dates) {
			return s.dates[n].id, true
		}
	}
	return veriff.SessionID{}, false
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
