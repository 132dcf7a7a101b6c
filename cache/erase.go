package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// sweepLatest is how long after its age ran out an object may still be on disk,
// though no longer to be had: a hundredth of the age, at most this.
const sweepLatest = 10 * time.Minute

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
	// Remaining is the number of matching objects that the last scan found: 0 is
	// the proof that nothing is left.
	Remaining int64 `json:"remaining"`
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
func (c *Cache) Purge(ctx context.Context, match func(k Key, label []byte, stored time.Time) bool) (Report, error) {
	r := Report{Started: c.now(), Erased: []Erased{}}
	var err error
	for r.Scans = 0; r.Scans < 4 && err == nil; {
		r.Remaining = 0
		err = c.purgeScan(ctx, &r, match)
		r.Scans++
		if err == nil && r.Remaining == 0 {
			break
		}
	}
	r.Finished = c.now()
	if err != nil {
		return r, fmt.Errorf("cache: purge: %w", err)
	}
	if r.Remaining > 0 {
		return r, fmt.Errorf("cache: purge: %d objects keep coming back", r.Remaining)
	}
	return r, nil
}

// purgeScan reads every header once. What matches counts as remaining and is
// erased, so that only a scan that finds nothing is a proof.
func (c *Cache) purgeScan(ctx context.Context, r *Report, match func(Key, []byte, time.Time) bool) error {
	d := c.dir.Load()
	for i, s := range c.secrets {
		dirty := map[string]bool{}
		err := c.walk(d, uint8(i), func(f found, _ int64) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			h, err := c.headerOf(d, f)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case errors.Is(err, errSeal):
				c.discard(f.secret, f.name, f.ino, err)
				r.Damaged++
				dirty[s.shard(f.name)] = true
				return nil
			case err != nil:
				return err
			}
			r.Examined++
			if !match(h.key, h.label, h.stored) {
				return nil
			}
			r.Remaining++
			return c.purgeOne(d, f, h, r, dirty)
		})
		// What was erased before an error stays erased, too.
		for rel := range dirty {
			err = errors.Join(err, d.sync(rel))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cache) purgeOne(d *directory, f found, h *header, r *Report, dirty map[string]bool) error {
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

func (c *Cache) expired(stored, now time.Time) bool {
	return c.opts.MaxAge > 0 && now.Sub(stored) >= c.opts.MaxAge
}

// sweepExpired erases what is past its age, going by the files' times, and
// returns how long it can wait until it looks again; 0 is for ever.
func (c *Cache) sweepExpired() (time.Duration, error) {
	if c.opts.MaxAge <= 0 {
		return 0, nil
	}
	d, now := c.dir.Load(), c.now()
	wait := c.opts.MaxAge
	for i, s := range c.secrets {
		dirty := map[string]bool{}
		err := c.walk(d, uint8(i), func(f found, _ int64) error {
			left := c.opts.MaxAge - now.Sub(time.Unix(f.stored, 0))
			if left > 0 {
				wait = min(wait, left)
				return nil
			}
			if c.unlink(f.secret, f.name, f.ino) == nil {
				dirty[s.shard(f.name)] = true
			}
			return nil
		})
		for rel := range dirty {
			err = errors.Join(err, d.sync(rel))
		}
		if err != nil {
			return 0, err
		}
	}
	return max(wait, min(c.opts.MaxAge/100, sweepLatest)), nil
}
