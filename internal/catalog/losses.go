package catalog

import (
	"maps"

	"veriffs/veriff"
)

// Lost is the sessions and attempts that the API said are gone, until what the
// cache has of them is erased.
type Lost struct {
	Sessions map[veriff.SessionID]Loss
	Attempts map[veriff.AttemptID]Loss
}

// Loss is how somebody has gone.
type Loss struct {
	Suspect bool   // an attempt that has lost files, perhaps not all
	number  uint64 // which one it was
}

func newLost() Lost {
	return Lost{make(map[veriff.SessionID]Loss), make(map[veriff.AttemptID]Loss)}
}

// Empty reports whether nobody has gone.
func (l Lost) Empty() bool { return len(l.Sessions)+len(l.Attempts) == 0 }

// Losses are those who have gone. They are written down with their catalog, whose
// lock they share.
type Losses struct {
	catalog *Catalog
	arrived chan struct{} // holds one token when there is a new one

	lost  Lost
	count uint64 // grows with each
}

// Arrived is readable when somebody has gone.
func (l *Losses) Arrived() <-chan struct{} { return l.arrived }

// Add remembers who has gone. Attempts are whole, or merely suspected to have
// lost files.
func (l *Losses) Add(sessions []veriff.SessionID, attempts map[veriff.AttemptID]bool) {
	l.catalog.mu.Lock()
	defer l.catalog.mu.Unlock()
	l.count++
	for _, id := range sessions {
		l.lost.Sessions[id] = Loss{number: l.count}
	}
	for id, suspect := range attempts {
		if old, ok := l.lost.Attempts[id]; !ok || old.Suspect {
			l.lost.Attempts[id] = Loss{number: l.count, Suspect: suspect}
		}
	}
	l.catalog.markLocked()
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

// Has reports whether a session has gone.
func (l *Losses) Has(id veriff.SessionID) bool {
	l.catalog.mu.RLock()
	defer l.catalog.mu.RUnlock()
	_, ok := l.lost.Sessions[id]
	return ok
}

// HasAttempt reports whether an attempt has gone, or is suspected.
func (l *Losses) HasAttempt(id veriff.AttemptID) bool {
	l.catalog.mu.RLock()
	defer l.catalog.mu.RUnlock()
	_, ok := l.lost.Attempts[id]
	return ok
}

// Restore takes back that a session, with these attempts, is gone: the API has it
// again.
func (l *Losses) Restore(id veriff.SessionID, attempts []veriff.AttemptID) {
	if !l.Has(id) {
		return
	}
	l.catalog.mu.Lock()
	defer l.catalog.mu.Unlock()
	delete(l.lost.Sessions, id)
	for _, attempt := range attempts {
		delete(l.lost.Attempts, attempt)
	}
	l.catalog.markLocked()
}

// Pending returns who is to be erased.
func (l *Losses) Pending() Lost {
	l.catalog.mu.RLock()
	defer l.catalog.mu.RUnlock()
	return Lost{maps.Clone(l.lost.Sessions), maps.Clone(l.lost.Attempts)}
}

// Erased forgets those that were erased, but not those that have gone once
// more meanwhile.
func (l *Losses) Erased(erased Lost) {
	l.catalog.mu.Lock()
	defer l.catalog.mu.Unlock()
	same := func(a, b Loss) bool { return a.number == b.number }
	for id, g := range erased.Sessions {
		if same(l.lost.Sessions[id], g) {
			delete(l.lost.Sessions, id)
		}
	}
	for id, g := range erased.Attempts {
		if same(l.lost.Attempts[id], g) {
			delete(l.lost.Attempts, id)
		}
	}
	l.catalog.markLocked()
}
