package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Report is what Purge did. It names objects by hash alone.
type Report struct {
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Examined int64     `json:"examined"` // objects whose sealed header was read
	Erased   []Erased  `json:"erased"`
	Bytes    int64     `json:"bytes"`   // on disk, of what was erased
	Damaged  int64     `json:"damaged"` // objects that could not be read and were deleted for that
	Open     int64     `json:"open"`    // of the erased, those that a reader had open: their blocks are freed when it closes them
	Scans    int       `json:"scans"`   // times the whole directory was read
	// Remaining is the number of matching objects that the last scan found.
	Remaining int64 `json:"remaining"`
	// Unreadable is the number of objects that the last scan could not read,
	// because a secret sealed them that is not configured; Unknown is what lies
	// in the directory beside them and is not the cache's.
	Unreadable int64    `json:"unreadable"`
	Unknown    []string `json:"unknown"`
	// Held is the number of matching objects that the last scan left because they
	// are held.
	Held int64 `json:"held_objects"`
	// Pins is the number of pinned names, of objects that are there or not, that
	// the last scan left. Without its object nobody can tell whose a pin is: the
	// caller of Purge undoes those of its keys with Unpin.
	Pins int64 `json:"pins"`
	// Beside is the number of objects in the cache of the other kind of key, which
	// no scan looked into.
	Beside int64 `json:"beside"`
	// Replaced says that the path of the cache no longer leads to the directory that
	// was read: what is there now was not looked at.
	Replaced bool `json:"replaced"`
	// Proven says that the last scan read everything that there is, and found nothing.
	Proven bool `json:"proven"`
}

// Erased is one object that was erased.
type Erased struct {
	Hash   string    `json:"hash"` // its file name, a keyed hash of its key
	Bytes  int64     `json:"bytes"`
	Stored time.Time `json:"stored"`
}

// Remove erases the object of this key, if there is one, and makes sure that a
// power cut does not bring it back. A pin of the key is removed with it. After
// an error the object can't be had any more, but may still be on the disk and
// come back with the next start: remove it again. What is held stays: ErrHeld.
func (c *Cache) Remove(k Key) error {
	st := c.store.Load()
	var errs error
	for i, s := range c.secrets {
		if st.index.IsKept(s.Name(k)) {
			return ErrHeld
		}
		if err := st.erase(uint8(i), s.Name(k), 0); !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
	}
	errs = errors.Join(errs, c.unpin(k))
	if errs != nil {
		return fmt.Errorf("cache: remove: %w", errs)
	}
	return nil
}

// Purge erases every object that match returns true for, going by the sealed
// headers on disk and not by the index, makes the erasure last through a power
// cut, and then reads the whole directory again to prove it. An object that is
// committed meanwhile may or may not be found; a caller that must be sure stops
// writing first. match is called by one goroutine at a time and must not keep
// label. The report holds what was done even if an error ends the work.
//
// What other secrets sealed can't match; it is counted, and then nothing is
// proven. What is held stays; it is counted, and that there is nothing else
// is proven all the same.
func (c *Cache) Purge(ctx context.Context, match func(k Key, label []byte, stored time.Time) bool) (Report, error) {
	return c.purge(ctx, match, false)
}

// PurgeAll is Purge that also erases every pin, and what secrets sealed that are
// not configured: unless one of those has sealed a hold.
func (c *Cache) PurgeAll(ctx context.Context, match func(k Key, label []byte, stored time.Time) bool) (Report, error) {
	return c.purge(ctx, match, true)
}

func (c *Cache) purge(ctx context.Context, match func(Key, []byte, time.Time) bool, all bool) (Report, error) {
	p := purge{c: c, match: match, all: all}
	p.Started, p.Erased, p.Unknown = c.now(), []Erased{}, []string{}
	err := p.run(ctx)
	p.Finished = c.now()
	p.Proven = err == nil && p.Unreadable == 0 && len(p.Unknown) == 0 && p.Beside == 0 && !p.Replaced
	if err != nil {
		return p.Report, fmt.Errorf("cache: purge: %w", err)
	}
	return p.Report, nil
}
