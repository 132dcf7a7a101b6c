// Package collection is which sessions and attempts there are: those that sessions
// files name, those that somebody entered by their id, less those that the API said
// it does not have.
//
// Its types are safe for concurrent use. They do no I/O, and each has one lock.
package collection

import (
	"slices"
	"sync"
	"time"

	"veriffs/veriff"
)

// Sessions is the sorted set of sessions.
type Sessions struct {
	now func() time.Time

	mu      sync.RWMutex
	named   []veriff.SessionID // by sessions files; sorted, no id twice; replaced, never changed
	visited []veriff.SessionID // sorted, none of them named
	absent  tombstones[veriff.SessionID]
	version uint64 // grows with every change of All

	merged   []veriff.SessionID // what All returned at a version, nil for nothing
	mergedAt uint64
	until    time.Time // when an absence ends and merged with it; zero for never
}

// NewSessions returns an empty set.
func NewSessions(now func() time.Time) *Sessions { return &Sessions{now: now} }

// Set replaces the sessions that sessions files name, sorted and without
// duplicates, and returns those that went.
func (s *Sessions) Set(ids []veriff.SessionID) (removed []veriff.SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.named {
		if !in(ids, id) {
			removed = append(removed, id)
			if _, absent := s.absent.until[id]; absent {
				s.absent.stray(id, func(id veriff.SessionID) bool { return in(ids, id) })
			}
		}
	}
	s.named = ids
	s.visited = slices.DeleteFunc(s.visited, s.isNamedLocked)
	s.version++
	return removed
}

// Visit adds a session that the API was found to have.
func (s *Sessions) Visit(id veriff.SessionID) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = s.absent.remove(id)
	if !s.isNamedLocked(id) {
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

// Lose takes out a session that the API said it does not have, until then. It
// reports whether that is news: the session was in the set.
func (s *Sessions) Lose(id veriff.SessionID, until time.Time) (had bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, visited := search(s.visited, id)
	if visited {
		s.visited = slices.Delete(s.visited, n, n+1)
	}
	named := s.isNamedLocked(id)
	had = visited || named && !s.isAbsentLocked(id)
	if s.absent.put(id, until) && !named {
		s.absent.stray(id, s.isNamedLocked)
	}
	s.version++
	return had
}

// Restore takes back that a session is absent, because there is word of it. It
// reports whether it was.
func (s *Sessions) Restore(id veriff.SessionID) (was bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was = s.absent.remove(id); was {
		s.version++
	}
	return was
}

// Has reports whether id is in the set.
func (s *Sessions) Has(id veriff.SessionID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !s.isAbsentLocked(id) && (in(s.visited, id) || s.isNamedLocked(id))
}

// Absent reports whether the API said, not long ago, that it has no such session.
func (s *Sessions) Absent(id veriff.SessionID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.isAbsentLocked(id)
}

// Next returns the session after another, which need not be there, or with
// dir -1 the one before it.
func (s *Sessions) Next(id veriff.SessionID, dir int) (next veriff.SessionID, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, ids := range [...][]veriff.SessionID{s.named, s.visited} {
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

// All returns the set in order, and its version. The slice must not be changed.
func (s *Sessions) All() ([]veriff.SessionID, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.visited) == 0 && len(s.absent.until) == 0 {
		return s.named, s.version
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

func (s *Sessions) mergeLocked() {
	s.mergedAt, s.until = s.version, time.Time{}
	s.merged = make([]veriff.SessionID, 0, len(s.named)+len(s.visited))
	for _, id := range s.named {
		if !s.isAbsentLocked(id) {
			s.merged = append(s.merged, id)
		} else {
			s.until = earlier(s.until, s.absent.until[id])
		}
	}
	if len(s.visited) > 0 {
		s.merged = append(s.merged, s.visited...)
		slices.SortFunc(s.merged, veriff.SessionID.Compare)
	}
}

func (s *Sessions) isNamedLocked(id veriff.SessionID) bool { return in(s.named, id) }

func (s *Sessions) isAbsentLocked(id veriff.SessionID) bool {
	return s.absent.stands(id, s.now())
}

func search(sorted []veriff.SessionID, id veriff.SessionID) (n int, ok bool) {
	return slices.BinarySearchFunc(sorted, id, veriff.SessionID.Compare)
}

func in(sorted []veriff.SessionID, id veriff.SessionID) bool {
	_, ok := search(sorted, id)
	return ok
}

// Forget drops a session that is in the set only because somebody entered it.
func (s *Sessions) Forget(id veriff.SessionID) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := search(s.visited, id)
	if !ok {
		return false
	}
	s.visited = slices.Delete(s.visited, n, n+1)
	s.version++
	return true
}

// ForgetAll drops all sessions that no sessions file names.
func (s *Sessions) ForgetAll() (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.visited) == 0 {
		return false
	}
	s.visited = nil
	s.version++
	return true
}
