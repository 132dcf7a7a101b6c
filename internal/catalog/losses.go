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

// Lose remembers who has gone. Attempts are whole, or merely suspected to have
// lost files.
func (c *Catalog) Lose(sessions []veriff.SessionID, attempts map[veriff.AttemptID]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loss++
	for _, id := range sessions {
		c.lost.Sessions[id] = Loss{number: c.loss}
	}
	for id, suspect := range attempts {
		if old, ok := c.lost.Attempts[id]; !ok || old.Suspect {
			c.lost.Attempts[id] = Loss{number: c.loss, Suspect: suspect}
		}
	}
	c.markLocked()
	select {
	case c.losses <- struct{}{}:
	default:
	}
}

// IsLost reports whether a session has gone.
func (c *Catalog) IsLost(id veriff.SessionID) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, ok := c.lost.Sessions[id]
	return ok
}

// Restore takes back that a session is gone: the API has it again.
func (c *Catalog) Restore(id veriff.SessionID) {
	if !c.IsLost(id) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.lost.Sessions, id)
	c.markLocked()
}

// Lost returns who is to be erased.
func (c *Catalog) Lost() Lost {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return Lost{maps.Clone(c.lost.Sessions), maps.Clone(c.lost.Attempts)}
}

// Erased forgets those that were erased, but not those that have gone once
// more meanwhile.
func (c *Catalog) Erased(erased Lost) {
	c.mu.Lock()
	defer c.mu.Unlock()
	same := func(a, b Loss) bool { return a.number == b.number }
	for id, g := range erased.Sessions {
		if same(c.lost.Sessions[id], g) {
			delete(c.lost.Sessions, id)
		}
	}
	for id, g := range erased.Attempts {
		if same(c.lost.Attempts[id], g) {
			delete(c.lost.Attempts, id)
		}
	}
	c.markLocked()
}
