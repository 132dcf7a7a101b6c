package collection

import (
	"slices"
	"time"
)

// tombstones are ids that the API said are not there, each for a time in which
// it need not be asked again. Those that no sessions file names are bounded.
type tombstones[K comparable] struct {
	until  map[K]time.Time
	strays []K // not named when they were put here, the oldest first
}

// straysAtMost bounds the tombstones of ids that no sessions file names: whoever enters
// ids at random must not fill the memory.
const straysAtMost = 4096

// put sets up a tombstone, and reports whether there was none.
func (t *tombstones[K]) put(id K, until time.Time) (fresh bool) {
	if t.until == nil {
		t.until = make(map[K]time.Time)
	}
	_, had := t.until[id]
	t.until[id] = until
	return !had
}

// stray makes a tombstone one of those that are bounded. named ones that it
// meets are not.
func (t *tombstones[K]) stray(id K, named func(K) bool) {
	t.strays = append(t.strays, id)
	if len(t.strays) <= straysAtMost {
		return
	}
	if oldest := t.strays[0]; !named(oldest) {
		delete(t.until, oldest)
	}
	t.strays = slices.Delete(t.strays, 0, 1)
}

// remove takes a tombstone away, and reports whether there was one.
func (t *tombstones[K]) remove(id K) bool {
	_, had := t.until[id]
	delete(t.until, id)
	return had
}

// stands reports whether a tombstone stands at a time.
func (t *tombstones[K]) stands(id K, now time.Time) bool { return now.Before(t.until[id]) }

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
