package library

import (
	"slices"
	"sync"
	"time"

	"veriffs/veriff"
)

// sessionSet is which sessions there are: those that were listed to the
// library, those that somebody entered by name, less those that the API said
// it does not have.
type sessionSet struct {
	now func() time.Time

	mu      sync.RWMutex
	listed  []veriff.SessionID             // sorted, no id twice; replaced, never changed
	visited []veriff.SessionID             // sorted, none of them listed
	absent  map[veriff.SessionID]time.Time // until when it need not be asked for
	strays  []veriff.SessionID             // those of absent that were not listed then, the oldest first
	version uint64                         // grows with every change of all()

	merged   []veriff.SessionID // what all returned at a version, nil for nothing
	mergedAt uint64
	until    time.Time // when an absence ends and merged with it; zero for never
}

// setListed replaces the listed sessions and returns those that went.
func (s *sessionSet) setListed(ids []veriff.SessionID) (removed []veriff.SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.listed {
		if !in(ids, id) {
			removed = append(removed, id)
			if _, absent := s.absent[id]; absent {
				s.strayLocked(id)
			}
		}
	}
	s.listed = ids
	s.visited = slices.DeleteFunc(s.visited, s.isListedLocked)
	s.version++
	return removed
}

// visit adds a session that the API was found to have.
func (s *sessionSet) visit(id veriff.SessionID) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, changed = s.absent[id]
	delete(s.absent, id)
	if !s.isListedLocked(id) {
		if n, ok := search(s.visited, id); !ok {
			s.visited = slices.Insert(s.visited, n, id)
			changed = true
		}
	}
	if changed {
		s.version++
	}
	return changed
}

// straysAtMost bounds the absent sessions that no list names: whoever enters
// ids at random must not fill the memory.
const straysAtMost = 4096

// lose takes out a session that the API said it does not have, until then. It
// reports whether the session was in the set.
func (s *sessionSet) lose(id veriff.SessionID, until time.Time) (had bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.absent == nil {
		s.absent = make(map[veriff.SessionID]time.Time)
	}
	_, known := s.absent[id]
	s.absent[id] = until
	n, visited := search(s.visited, id)
	if visited {
		s.visited = slices.Delete(s.visited, n, n+1)
	}
	listed := s.isListedLocked(id)
	if !listed && !known {
		s.strayLocked(id)
	}
	s.version++
	return visited || listed && !known
}

// strayLocked bounds what is remembered of absent sessions that are not listed.
func (s *sessionSet) strayLocked(id veriff.SessionID) {
	s.strays = append(s.strays, id)
	if len(s.strays) <= straysAtMost {
		return
	}
	if oldest := s.strays[0]; !s.isListedLocked(oldest) {
		delete(s.absent, oldest)
	}
	s.strays = slices.Delete(s.strays, 0, 1)
}

// has reports whether id is in the set.
func (s *sessionSet) has(id veriff.SessionID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !s.isAbsentLocked(id) && (in(s.visited, id) || s.isListedLocked(id))
}

// absentFor returns how long the API's word that id is not there still holds.
func (s *sessionSet) absentFor(id veriff.SessionID) time.Duration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	until, ok := s.absent[id]
	if !ok {
		return 0
	}
	return max(0, until.Sub(s.now()))
}

// next returns the session after another, which need not be there, or with
// dir -1 the one before it.
func (s *sessionSet) next(id veriff.SessionID, dir int) (next veriff.SessionID, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, ids := range [...][]veriff.SessionID{s.listed, s.visited} {
		n, found := search(ids, id)
		if !found && dir > 0 {
			n--
		}
		for n += dir; n >= 0 && n < len(ids); n += dir {
			if s.isAbsentLocked(ids[n]) {
				continue
			}
			if !ok || ids[n].Compare(next)*dir < 0 {
				next, ok = ids[n], true
			}
			break
		}
	}
	return next, ok
}

// all returns the set in order, and its version. The slice must not be changed.
func (s *sessionSet) all() ([]veriff.SessionID, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.visited) == 0 && len(s.absent) == 0 {
		return s.listed, s.version
	}
	if !s.until.IsZero() && !s.now().Before(s.until) {
		s.version++
		s.until = time.Time{}
	}
	if s.merged == nil || s.mergedAt != s.version {
		s.mergeLocked()
	}
	return s.merged, s.version
}

func (s *sessionSet) mergeLocked() {
	s.mergedAt, s.until = s.version, time.Time{}
	s.merged = make([]veriff.SessionID, 0, len(s.listed)+len(s.visited))
	for _, id := range s.listed {
		if !s.isAbsentLocked(id) {
			s.merged = append(s.merged, id)
		} else if until := s.absent[id]; s.until.IsZero() || until.Before(s.until) {
			s.until = until
		}
	}
	if len(s.visited) > 0 {
		s.merged = append(s.merged, s.visited...)
		slices.SortFunc(s.merged, veriff.SessionID.Compare)
	}
}

func (s *sessionSet) isListedLocked(id veriff.SessionID) bool { return in(s.listed, id) }

func (s *sessionSet) isAbsentLocked(id veriff.SessionID) bool {
	until, ok := s.absent[id]
	return ok && s.now().Before(until)
}

func search(sorted []veriff.SessionID, id veriff.SessionID) (n int, ok bool) {
	return slices.BinarySearchFunc(sorted, id, veriff.SessionID.Compare)
}

func in(sorted []veriff.SessionID, id veriff.SessionID) bool {
	_, ok := search(sorted, id)
	return ok
}

// SetSessions replaces the sessions that are listed to the library. ids are
// sorted, without duplicates, and belong to the library from now on.
func (l *Library) SetSessions(ids []veriff.SessionID) {
	removed := l.sessions.setListed(ids)
	l.observer.tell(Change{SessionsChanged: true, AttemptsChanged: true, SessionsGone: removed})
}

// Sessions returns every session there is, in order, and a number that
// changes when the answer may have. The slice must not be changed.
func (l *Library) Sessions() (ids []veriff.SessionID, version uint64) { return l.sessions.all() }

// HasSession reports, from memory, whether a session is in the collection.
func (l *Library) HasSession(id veriff.SessionID) bool { return l.sessions.has(id) }

// AbsentFor returns how long the API's last word that it has no such session
// still holds: 0 if it never said so.
func (l *Library) AbsentFor(id veriff.SessionID) time.Duration { return l.sessions.absentFor(id) }

// Created returns, from memory, when the newest attempt of a session began:
// the zero time as long as nobody entered the session.
func (l *Library) Created(id veriff.SessionID) time.Time {
	_, created := l.catalog.newest(id)
	return created
}
