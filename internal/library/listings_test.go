package library

import (
	"testing"

	"veriffs/veriff"
)

func TestListingsAreBounded(t *testing.T) {
	c := newListings(100)
	id := func(n int) veriff.SessionID { return veriff.SessionID{1, byte(n >> 8), byte(n)} }
	list := func(n, files int) *Listing { return &Listing{Session: id(n), Files: make([]File, files)} }
	sum := func() (n int) {
		for _, l := range c.lru.Values() {
			n += l.weight()
		}
		return n
	}
	for n := range 1000 {
		c.Add(id(n), list(n, n%7))
		c.Add(id(n/2), list(n/2, n%5)) // replaces, or comes back
		if n%3 == 0 {
			c.Remove(id(n - 1))
		}
		if c.files != sum() || c.files > 100 {
			t.Fatalf("after %d: it counts %d of %d", n, c.files, sum())
		}
	}
	c.Add(id(1), list(1, 5000)) // one too large stays, alone: it is in use
	if _, ok := c.Get(id(1)); !ok || c.lru.Len() != 1 {
		t.Errorf("%d listings beside one that is too large", c.lru.Len())
	}
	c.Purge()
	if c.files != 0 || c.lru.Len() != 0 {
		t.Errorf("%d files in %d listings after Purge", c.files, c.lru.Len())
	}
}
