package store

import (
	"io"
	"sync"

	"veriffs/cache"
	"veriffs/internal/catalog"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// Catalog is a catalog that can be written down, one write at a time, so that the
// last one is the newest.
type Catalog struct {
	*catalog.Catalog
	cache   *cache.Cache
	writing sync.Mutex
}

// NewCatalog returns an empty catalog that is kept in a cache.
func NewCatalog(c *cache.Cache) *Catalog { return &Catalog{Catalog: catalog.New(), cache: c} }

// Load reads the catalog of the last mount. The error says why there is none,
// or why it could not be read: it is empty then.
func (c *Catalog) Load() error {
	o, ok := c.cache.Get(CatalogKey)
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

// AttemptsOf returns the attempts of a session, as far as they were ever listed. What
// the catalog does not know may be in the document.
func (c *Catalog) AttemptsOf(id veriff.SessionID) []veriff.AttemptID {
	attempts := c.Of(id)
	if len(attempts) > 0 {
		return attempts
	}
	body, _, _, ok := Get(c.cache, Document(listing.DocumentID{Session: id, Kind: listing.AttemptsDocument}))
	if !ok {
		return nil
	}
	list, err := veriff.DecodeAttemptList(body)
	if err != nil {
		return nil
	}
	for _, a := range list.Items {
		attempts = append(attempts, a.ID)
	}
	return attempts
}

// Owner returns the session of an attempt, zero if it is not known.
func (c *Catalog) Owner(id veriff.AttemptID) veriff.SessionID {
	session, _ := c.Attempt(id)
	return session
}

// Save writes the catalog down.
func (c *Catalog) Save() {
	c.writing.Lock()
	defer c.writing.Unlock()
	select {
	case <-c.Changed(): // by what is written now
	default:
	}
	b := c.Encode()
	if b == nil { // after an erasure
		_ = c.cache.Remove(CatalogKey) // it is gone, or will be
		return
	}
	Put(c.cache, CatalogKey, b, nil)
}
