package library

import (
	"maps"

	"veriffs/veriff"
)

// graves are the sessions and attempts that the API said are gone, until what
// the cache has of them is erased.
type graves struct {
	sessions map[veriff.SessionID]grave
	attempts map[veriff.AttemptID]grave
}

type grave struct {
	number  uint64 // which loss it was
	suspect bool   // an attempt that has lost files, perhaps not all
}

func newGraves() graves {
	return graves{make(map[veriff.SessionID]grave), make(map[veriff.AttemptID]grave)}
}

func (g graves) empty() bool { return len(g.sessions)+len(g.attempts) == 0 }

// bury remembers who has gone. Attempts are whole, or merely suspected to have
// lost files.
func (c *catalog) bury(sessions []veriff.SessionID, attempts map[veriff.AttemptID]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.losses++
	for _, id := range sessions {
		c.graves.sessions[id] = grave{number: c.losses}
	}
	for id, suspect := range attempts {
		if old, ok := c.graves.attempts[id]; !ok || old.suspect {
			c.graves.attempts[id] = grave{number: c.losses, suspect: suspect}
		}
	}
	c.markLocked()
	select {
	case c.loss <- struct{}{}:
	default:
	}
}

// isGone reports whether a session was buried.
func (c *catalog) isGone(id veriff.SessionID) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, ok := c.graves.sessions[id]
	return ok
}

// revive takes back that a session is gone: the API has it again.
func (c *catalog) revive(id veriff.SessionID) {
	if !c.isGone(id) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.graves.sessions, id)
	c.markLocked()
}

// buried returns who is to be erased.
func (c *catalog) buried() graves {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return graves{maps.Clone(c.graves.sessions), maps.Clone(c.graves.attempts)}
}

// exhume forgets those that were erased, but not those that have gone once
// more meanwhile.
func (c *catalog) exhume(erased graves) {
	c.mu.Lock()
	defer c.mu.Unlock()
	same := func(a, b grave) bool { return a.number == b.number }
	for id, g := range erased.sessions {
		if same(c.graves.sessions[id], g) {
			delete(c.graves.sessions, id)
		}
	}
	for id, g := range erased.attempts {
		if same(c.graves.attempts[id], g) {
			delete(c.graves.attempts, id)
		}
	}
	c.markLocked()
}
