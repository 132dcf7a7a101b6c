package library

import (
	"io"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/catalog"
	"veriffs/internal/store"
)

// catalogDelay is how long changes of the catalog gather before it is
// written: what a kill -9 can lose is asked of the API again.
const catalogDelay = 2 * time.Second

// storedCatalog writes the catalog down, one at a time, so that the last one
// that is written is the newest.
type storedCatalog struct {
	*catalog.Catalog
	cache   *cache.Cache
	writing sync.Mutex
}

// load reads the catalog of the last mount. The error says why there is none,
// or why it could not be read: it is empty then.
func (c *storedCatalog) load() error {
	o, ok := c.cache.Get(store.Catalog)
	if !ok {
		return nil
	}
	defer o.Close()
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		return err
	}
	return c.Decode(b)
}

// save writes the catalog if it has changed since it was last written.
func (c *storedCatalog) save() {
	c.writing.Lock()
	defer c.writing.Unlock()
	select {
	case <-c.Changed():
	default:
		return
	}
	b := c.Encode()
	if b == nil { // after an erasure
		_ = c.cache.Remove(store.Catalog) // it is gone, or will be
		return
	}
	store.Put(c.cache, store.Catalog, b, nil)
}

// keepCatalog writes the catalog a while after each change.
func (l *core) keepCatalog() {
	for {
		select {
		case <-l.life.Done():
			return
		case <-l.catalog.Changed():
		}
		l.rest(catalogDelay)
		l.catalog.Mark()
		l.catalog.save()
	}
}
