package hold

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"veriffs/veriff"
)

// Keeper writes records down.
type Keeper interface {
	// Keep makes a record last. After an error the one before may have stayed.
	Keep(*Record) error
	// Kept returns the record of a session as it was written down, nil if there is
	// none, or why that is not known.
	Kept(veriff.SessionID) (*Record, error)
	// Drop removes it.
	Drop(veriff.SessionID) error
}

// ErrNone says that a session is not held.
var ErrNone = errors.New("not held")

// ErrStands says that a hold was not to be ended as it is by now.
var ErrStands = errors.New("the hold stands")

// Set is the holds of a cache. Make one with NewSet.
type Set struct {
	keeper Keeper
	broken error

	writing sync.Mutex

	mu       sync.RWMutex
	records  map[veriff.SessionID]*Record // replaced, never changed
	attempts map[veriff.AttemptID]veriff.SessionID
	files    map[veriff.MediaID]veriff.SessionID
}

// NewSet returns the set of records that a keeper has. broken says why some of its
// records can't be read, nil if they can.
func NewSet(k Keeper, records []*Record, broken error) *Set {
	s := &Set{
		keeper: k, broken: broken, records: make(map[veriff.SessionID]*Record),
		attempts: make(map[veriff.AttemptID]veriff.SessionID), files: make(map[veriff.MediaID]veriff.SessionID),
	}
	for _, r := range records {
		s.putLocked(r)
	}
	return s
}

func (s *Set) putLocked(r *Record) {
	s.records[r.Session] = r
	for _, a := range r.Attempts {
		if !a.ID.IsZero() {
			s.attempts[a.ID] = r.Session
		}
		for _, f := range a.Files {
			s.files[f.ID] = r.Session
		}
	}
}

// Broken returns why some records can't be read: nobody knows whom they hold, so
// nothing may be erased. It is nil if all can be.
func (s *Set) Broken() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.broken
}

// Mend takes back that some records can't be read.
func (s *Set) Mend(broken error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// Of returns the hold of a session, nil if there is none.
func (s *Set) Of(id veriff.SessionID) *Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.records[id]
}

// Owner returns the hold that an attempt or a file belongs to, as far as is known;
// nil if there is none. Zero ids are nobody's.
func (s *Set) Owner(session veriff.SessionID, attempt veriff.AttemptID, file veriff.MediaID) *Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.records) == 0 {
		return nil
	}
	for _, id := range [...]veriff.SessionID{session, s.attempts[attempt], s.files[file]} {
		if r := s.records[id]; r != nil {
			return r
		}
	}
	return nil
}

// All returns the holds in the order of their sessions.
func (s *Set) All() []*Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.SortedFunc(maps.Values(s.records), func(a, b *Record) int { return a.Session.Compare(b.Session) })
}

// Len returns how many holds there are.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.records)
}

// Add records a hold, or changes reason, end and author of the one that the session
// has. After an error there is no new hold, and one that the session had is what was
// written down, as the next process will read it: as it was or as it was to become.
// Only what could be neither written nor removed again is held nevertheless, as it may
// come back with that process.
func (s *Set) Add(id veriff.SessionID, reason, by string, until, now time.Time) (*Record, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	before := s.Of(id)
	r := &Record{Session: id, Since: now}
	if before != nil {
		r = before.clone()
	}
	r.Reason, r.By, r.Until = reason, by, until
	err := s.keeper.Keep(r)
	switch {
	case err == nil:
	case before == nil && s.Broken() == nil && s.keeper.Drop(id) == nil:
		return nil, err // a record that can't be read may be this session's: it is not dropped
	default:
		if kept, unknown := s.keeper.Kept(id); unknown == nil {
			r = kept
		}
	}
	if r != nil {
		s.put(r)
	}
	return r, err
}

// Learn adds to what is known of a held session, and reports whether that is new.
// It does nothing if the session is not held. What could not be written down is
// known all the same, as long as this process lives.
func (s *Set) Learn(id veriff.SessionID, all ...Learn) (changed bool, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	r := s.Of(id)
	if r == nil {
		return false, nil
	}
	r = r.clone()
	for _, learn := range all {
		changed = learn(r) || changed
	}
	if !changed {
		return false, nil
	}
	return true, s.keep(r)
}

func (s *Set) keep(r *Record) error {
	err := s.keeper.Keep(r)
	s.put(r)
	return err
}

func (s *Set) put(r *Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putLocked(r)
}

// Release ends the hold of a session and returns it. The error is ErrNone, or says
// why it could not be removed: it stands then.
func (s *Set) Release(id veriff.SessionID) (*Record, error) {
	return s.ReleaseIf(id, func(*Record) bool { return true })
}

// ReleaseIf is Release, if the record is to end as it is by then: somebody may have
// extended the hold. Otherwise the error is ErrStands.
func (s *Set) ReleaseIf(id veriff.SessionID, ends func(*Record) bool) (*Record, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	r := s.Of(id)
	switch {
	case r == nil:
		return nil, ErrNone
	case !ends(r):
		return r, ErrStands
	}
	if err := s.keeper.Drop(id); err != nil {
		return r, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, id)
	maps.DeleteFunc(s.attempts, func(_ veriff.AttemptID, of veriff.SessionID) bool { return of == id })
	maps.DeleteFunc(s.files, func(_ veriff.MediaID, of veriff.SessionID) bool { return of == id })
	return r, nil
}
