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
	listed  []veriff.SessionID // sorted, no id twice; replaced, never changed
	visited map[veriff.SessionID]struct{}
	absent  map[veriff.SessionID]time.Time // until when it need not be asked for
	version uint64                         // grows with every change of all()
}

// setListed replaces the listed sessions and returns those that went.
func (s *sessionSet) setListed(ids []veriff.SessionID) (removed []veriff.SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.listed {
		if _, ok := slices.BinarySearchFunc(ids, id, veriff.SessionID.Compare); !ok {
			removed = append(removed, id)
			delete(s.visited, id)
		}
	}
	s.listed = ids
	s.version++
	return removed
}

// visit adds a session that the API was found to have.
func (s *sessionSet) visit(id veriff.SessionID) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, wasAbsent := s.absent[id]
	delete(s.absent, id)
	if s.isListedLocked(id) {
		if wasAbsent {
			s.version++
		}
		return wasAbsent
	}
	if _, ok := s.visited[id]; ok {
		return false
	}
	if s.visited == nil {
		s.visited = make(map[veriff.SessionID]struct{})
	}
	s.visited[id] = struct{}{}
	s.version++
	return true
}

// lose takes out a session that the API said it does not have, until then.
func (s *sessionSet) lose(id veriff.SessionID, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.absent == nil {
		s.absent = make(map[veriff.SessionID]time.Time)
	}
	s.absent[id] = until
	delete(s.visited, id)
	s.version++
}

// has reports whether id is in the set.
func (s *sessionSet) has(id veriff.SessionID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.isAbsentLocked(id) {
		return false
	}
	_, visited := s.visited[id]
	return visited || s.isListedLocked(id)
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

// all returns the set in order, and its version. The slice must not be changed.
func (s *sessionSet) all() ([]veriff.SessionID, uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.visited) == 0 && len(s.absent) == 0 {
		return s.listed, s.version
	}
	ids := make([]veriff.SessionID, 0, len(s.listed)+len(s.visited))
	for _, id := range s.listed {
		if !s.isAbsentLocked(id) {
			ids = append(ids, id)
		}
	}
	for id := range s.visited {
		ids = append(ids, id)
	}
	if len(s.visited) > 0 {
		slices.SortFunc(ids, veriff.SessionID.Compare)
	}
	return ids, s.version
}

func (s *sessionSet) isListedLocked(id veriff.SessionID) bool {
	_, ok := slices.BinarySearchFunc(s.listed, id, veriff.SessionID.Compare)
	return ok
}

func (s *sessionSet) isAbsentLocked(id veriff.SessionID) bool {
	until, ok := s.absent[id]
	return ok && s.now().Before(until)
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
