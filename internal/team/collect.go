package team

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

// leaseKeep is how old a lease is when it certainly has expired, though the clock of the
// bucket differs from ours by minutes.
const leaseKeep = 10 * time.Minute

// Rules say what Collect removes.
type Rules struct {
	Now time.Time
	// MaxAge is how old an object may become, from when it was fetched from the API;
	// 0 is any age: only leases are removed then, and no object is read.
	MaxAge time.Duration
	// Held reports whether an object stays whatever its age. What it can't say it of
	// stays, too, and everything from then on: the first error ends the collection. It is
	// called by one goroutine at a time.
	Held func(k cache.Key, label []byte) (bool, error)
	// DryRun removes nothing.
	DryRun bool
}

// Collected is what Collect removed, or would have.
type Collected struct {
	Store    string `json:"store"`
	DryRun   bool   `json:"dry_run"`
	Examined int64  `json:"examined"`      // objects whose sealed header was read
	Objects  int64  `json:"objects"`       // that were too old
	Bytes    int64  `json:"bytes"`         // of them
	Leases   int64  `json:"leases"`        // that had expired
	Held     int64  `json:"held"`          // objects that were too old, and are held
	Holds    int64  `json:"expired_holds"` // of members, whose time had run out; who asks for the collection counts them
	// Unreadable is the number of objects that no configured secret opens: how old they
	// are is not known.
	Unreadable int64 `json:"unreadable"`
	// Failed is the number of names that should have been removed, and may be there.
	Failed int64 `json:"failed"`
}

// Collect removes the objects of a store's bucket that are too old, and the leases that
// have expired, with all versions and markers that the bucket keeps of them. Of a name
// with several versions the newest decides.
func Collect(ctx context.Context, s *Store, r Rules) (Collected, error) {
	c := &collection{s: s, Rules: r, gone: make(map[string]bool)}
	c.found = Collected{Store: s.String(), DryRun: r.DryRun}
	prefix := ""
	if r.MaxAge == 0 {
		prefix = leaseDir
	}
	var walk context.Context // what has begun goes on when the walk ends
	walk, c.endWalk = context.WithCancel(ctx)
	defer c.endWalk()
	err := each(walk, s.o.Bucket, prefix, func(o bucket.Info) error {
		switch {
		case isLease(o):
			return c.lease(ctx, o)
		case isNote(o): // who has put it removes it
			return nil
		}
		return c.object(ctx, o)
	})
	if c.unknown != nil { // the rest is what came of ending the walk
		err = c.unknown
	}
	return c.found, err
}

// collection is one run of Collect.
type collection struct {
	s *Store
	Rules
	endWalk func()

	mu      sync.Mutex // guards what follows, and is held for Held
	found   Collected
	gone    map[string]bool // names that are removed, or were tried
	unknown error           // why it is not known any more what is held
}

func (c *collection) lease(ctx context.Context, o bucket.Info) error {
	if c.Now.Sub(o.Modified) < leaseKeep {
		return nil
	}
	return c.remove(ctx, o, func(f *Collected) { f.Leases++ })
}

// object removes an object if it is too old.
func (c *collection) object(ctx context.Context, o bucket.Info) error {
	if c.MaxAge == 0 {
		return nil
	}
	if o.Version != "" { // not the newest, unless that was removed
		if _, err := c.s.o.Bucket.Stat(ctx, o.Name); !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
	}
	return c.s.examine(ctx, o, func(entry cache.Entry, readable bool) error {
		if goes, err := c.tooOld(entry, readable); !goes {
			return err
		}
		return c.remove(ctx, o, func(f *Collected) {
			f.Objects++
			f.Bytes += o.Size
		})
	})
}

// tooOld reports whether an object is to go, and counts it.
func (c *collection) tooOld(entry cache.Entry, readable bool) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !readable {
		c.found.Unreadable++
		return false, nil
	}
	c.found.Examined++
	if c.Now.Sub(entry.Stored) < c.MaxAge {
		return false, nil
	}
	if c.unknown != nil {
		return false, c.unknown
	}
	held, err := c.Held(entry.Key, entry.Label)
	if err != nil {
		c.unknown = err
		c.endWalk()
		return false, err
	}
	if held {
		c.found.Held++
	}
	return !held, nil
}

// remove removes a name once, unless it is a dry run, and has it counted.
func (c *collection) remove(ctx context.Context, o bucket.Info, count func(*Collected)) error {
	c.mu.Lock()
	again := c.gone[o.Name]
	c.gone[o.Name] = true
	c.mu.Unlock()
	if again {
		return nil
	}
	var err error
	if !c.DryRun {
		_, err = c.s.o.Bucket.Remove(ctx, o.Name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.found.Failed++
		return fmt.Errorf("remove %s: %w", o.Name, err)
	}
	count(&c.found)
	return nil
}
