package cache

import (
	"errors"
	"time"

	"veriffs/cache/age"
	"veriffs/cache/seal"
)

// Get opens the object of this key. What can't be opened is a miss: not there, too old,
// damaged, or on a disk that does not answer.
func (c *Cache) Get(k Key) (*Object, bool) {
	st := c.store.Load()
	for i, s := range c.secrets {
		n := s.Name(k)
		var o *Object
		err := errRaced
		for try := 0; try < 3 && errors.Is(err, errRaced); try++ {
			o, err = c.open(st, uint8(i), n, k)
		}
		if err == nil {
			c.counts.hits.Add(1)
			return o, true
		}
	}
	c.counts.misses.Add(1)
	return nil, false
}

func (c *Cache) open(st *store, si uint8, n seal.Name, k Key) (_ *Object, err error) {
	f, e, h, err := st.open(si, n, k)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	now := c.now()
	if age.Left(c.opts.MaxAge, h.Stored, now) <= 0 && !st.index.IsKept(n) {
		if age.Erasable(h.Stored, now, st.dir.Made()) {
			_ = st.erase(si, n, e.Inode) // or the next sweep does
		}
		return nil, errMiss
	}
	contents, err := h.Contents(f)
	if err != nil {
		return nil, err
	}
	held, touch := st.index.Hold(n, e, now)
	if held == nil {
		st.recent.Forget(n)
		return nil, errRaced
	}
	if touch {
		// For the LRU order of the next start, which bears a stale time.
		_ = st.dir.Chtimes(st.secrets[si].Path(n), now, time.Time{})
	}
	return &Object{st: st, src: f, contents: contents, header: h, name: n, secret: si, held: held}, nil
}

// Has reports whether the index has an object of this key, without looking at
// the disk. While the index is loading it may not know of one that is there.
func (c *Cache) Has(k Key) bool {
	for _, s := range c.secrets {
		if _, known, _ := c.store.Load().index.Lookup(s.Name(k)); known {
			return true
		}
	}
	return false
}
