package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	// Beside is the number of objects in the cache of the other kind of key, which
	// no scan looked into.
	Beside int64 `json:"beside"`
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
// come back with the next start: remove it again.
func (c *Cache) Remove(k Key) error {
	d := c.dir.Load()
	var errs error
	for i, s := range c.secrets {
		n := s.name(k)
		err := c.unlink(uint8(i), n, 0)
		if err == nil {
			err = d.sync(s.shard(n))
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		errs = errors.Join(errs, err)
	}
	errs = errors.Join(errs, c.unpin(k))
	if errs != nil {
		return fmt.Errorf("cache: remove: %w", errs)
	}
	return nil
}

// Purge erases every object that match says yes to, going by the sealed
// headers on disk and not by the index, makes the erasure last through a power
// cut, and then reads the whole directory again to prove it. An object that is
// committed meanwhile may or may not be found; a caller that must be sure stops
// writing first. match is called by one goroutine at a time and must not keep
// label. The report holds what was done even if an error ends the work.
//
// What other secrets sealed can't match; it is counted, and then nothing is
// proven.
func (c *Cache) Purge(ctx context.Context, match func(k Key, label []byte, stored time.Time) bool) (Report, error) {
	return c.purge(ctx, match, false)
}

// PurgeAll erases every object as Purge does, those of secrets that are not
// configured included.
func (c *Cache) PurgeAll(ctx context.Context) (Report, error) {
	return c.purge(ctx, func(Key, []byte, time.Time) bool { return true }, true)
}

func (c *Cache) purge(ctx context.Context, match func(Key, []byte, time.Time) bool, all bool) (Report, error) {
	r := Report{Started: c.now(), Erased: []Erased{}, Unknown: []string{}}
	var err error
	for r.Scans = 0; r.Scans < 4 && err == nil; {
		r.Remaining, r.Unreadable = 0, 0
		err = c.purgeScan(ctx, &r, match, all)
		r.Scans++
		if err == nil && r.Remaining == 0 {
			break
		}
	}
	if c.opts.Beside != "" && err == nil {
		r.Beside, err = countObjects(c.opts.Beside)
	}
	r.Finished = c.now()
	r.Proven = err == nil && r.Remaining == 0 && r.Unreadable == 0 && len(r.Unknown) == 0 && r.Beside == 0
	if err != nil {
		return r, fmt.Errorf("cache: purge: %w", err)
	}
	if r.Remaining > 0 {
		return r, fmt.Errorf("cache: purge: %d objects keep coming back", r.Remaining)
	}
	return r, nil
}

// purgeScan reads every header once. What matches counts as remaining and is
// erased, so that only a scan that finds nothing is a proof. An object that
// can't be read or removed keeps no other from being erased.
func (c *Cache) purgeScan(ctx context.Context, r *Report, match func(Key, []byte, time.Time) bool, all bool) error {
	d := c.dir.Load()
	var failed error // the first
	for i := range c.secrets {
		dirty := map[string]bool{}
		err := c.walk(d, uint8(i), func(f found, _ int64) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.purgeFile(d, f, r, match, dirty); err != nil && failed == nil {
				failed = fmt.Errorf("object %s: %w", f.name, err)
			}
			return nil
		})
		// What was erased before an error stays erased, too.
		for rel := range dirty {
			err = errors.Join(err, d.sync(rel))
		}
		if err != nil {
			return errors.Join(failed, err)
		}
	}
	// What a crash of an ephemeral cache left is to go anyway.
	if err := c.purgeForeign(ctx, d, r, all || c.opts.Ephemeral); err != nil {
		return errors.Join(failed, err)
	}
	var err error
	r.Unknown, err = c.unknown(d)
	return errors.Join(failed, err)
}

func (c *Cache) purgeFile(d *directory, f found, r *Report, match func(Key, []byte, time.Time) bool, dirty map[string]bool) error {
	h, err := c.headerOf(d, f)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, errSeal):
		err := c.discard(f.secret, f.name, f.ino, err)
		if err == nil {
			r.Damaged++
			dirty[c.secrets[f.secret].shard(f.name)] = true
		}
		if errors.Is(err, errRaced) || errors.Is(err, fs.ErrNotExist) {
			return nil // replaced or gone meanwhile
		}
		return err
	case err != nil:
		return err
	}
	r.Examined++
	if !match(h.key, h.label, h.stored) {
		return nil
	}
	r.Remaining++
	return c.purgeOne(f, h, r, dirty)
}

func (c *Cache) purgeOne(f found, h *header, r *Report, dirty map[string]bool) error {
	open := c.index.isOpen(f.name, f.entry)
	err := c.unlink(f.secret, f.name, f.ino)
	if errors.Is(err, errRaced) || errors.Is(err, fs.ErrNotExist) {
		return nil // replaced or gone: the next scan sees
	}
	if err != nil {
		return err
	}
	if err := c.unpin(h.key); err != nil {
		return err
	}
	dirty[c.secrets[f.secret].shard(f.name)] = true
	r.Erased = append(r.Erased, Erased{Hash: f.name.String(), Bytes: f.size, Stored: h.stored})
	r.Bytes += f.size
	if open {
		r.Open++
	}
	return nil
}

func (c *Cache) headerOf(d *directory, f found) (*header, error) {
	file, err := d.root.OpenFile(c.secrets[f.secret].path(f.name), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return readHeader(file, c.secrets[f.secret], f.name, info.Size())
}
