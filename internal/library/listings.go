package library

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"veriffs/veriff"
)

// listingsFiles bounds the decoded listings in memory, in files: some 60 bytes
// each. The others come back from the sealed store when they are entered.
const listingsFiles = 2 << 20

// listings are the listings in memory, least recently used first out.
type listings struct {
	most int // files

	mu    sync.Mutex
	lru   *simplelru.LRU[veriff.SessionID, *Listing]
	files int
}

func newListings(most int) *listings {
	// The bound is on the files, so the number of listings has none.
	lru, err := simplelru.NewLRU[veriff.SessionID, *Listing](math.MaxInt, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &listings{most: most, lru: lru}
}

// weight is what a listing counts for: one with few files takes memory too.
func (l *Listing) weight() int { return len(l.Files) + 4 }

// Get returns the listing of a session and keeps it for longer.
func (c *listings) Get(id veriff.SessionID) (*Listing, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(id)
}

// Peek returns the listing of a session.
func (c *listings) Peek(id veriff.SessionID) (*Listing, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Peek(id)
}

// Add keeps a listing, in place of the session's last one.
func (c *listings) Add(id veriff.SessionID, list *Listing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, ok := c.lru.Peek(id); ok {
		c.files -= last.weight()
	}
	c.lru.Add(id, list)
	c.files += list.weight()
	for c.files > c.most && c.lru.Len() > 1 {
		_, oldest, _ := c.lru.RemoveOldest()
		c.files -= oldest.weight()
	}
}

// Remove forgets the listing of a session.
func (c *listings) Remove(id veriff.SessionID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, ok := c.lru.Peek(id); ok {
		c.files -= last.weight()
		c.lru.Remove(id)
	}
}

// Values returns all listings, the least recently used first.
func (c *listings) Values() []*Listing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Values()
}

// Purge forgets all listings.
func (c *listings) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Purge()
	c.files = 0
}
