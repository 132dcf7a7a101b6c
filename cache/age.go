package cache

import (
	"errors"
	"math"
	"time"
)

const (
	// sweepLatest is how long after its age ran out an object may still be on disk,
	// though no longer to be had: a hundredth of the age, at most this. It is also
	// how often the clock is looked at, since timers stand still in suspend.
	sweepLatest = 10 * time.Minute
	// clockStep is how far in the future an object may have been stored: clocks
	// are set back a little now and then.
	clockStep = 5 * time.Minute
)

// left is how long an object may still be had, not any more if it is 0 or less.
// Nobody knows how old one from the future is, so it counts as too old. Ages go
// by the wall clock.
func (c *Cache) left(stored, now time.Time) time.Duration {
	if c.opts.MaxAge <= 0 {
		return math.MaxInt64
	}
	age := now.Round(0).Sub(stored)
	if age < -clockStep {
		return 0
	}
	return c.opts.MaxAge - age
}

// erasable reports whether an object that is past its age goes for good. One
// from the future does not while the clock is before the cache was made: a
// machine that starts in 1970 would lose everything.
func (c *Cache) erasable(stored, now time.Time) bool {
	return !stored.After(now) || !now.Before(c.dir.Load().made)
}

// expire erases an object that is past its age.
func (c *Cache) expire(si uint8, n name, ino uint64) {
	if c.unlink(si, n, ino) == nil {
		_ = c.dir.Load().sync(c.secrets[si].shard(n))
	}
}

// ageing is when the files' ages were looked at, and when the next of them will be too old.
type ageing struct{ looked, due time.Time }

// sweepExpired erases what is past its age if there may be anything, and
// returns how long it can wait until it looks again; 0 is for ever.
func (c *Cache) sweepExpired(a *ageing) (time.Duration, error) {
	if c.opts.MaxAge <= 0 {
		return 0, nil
	}
	now := c.now().Round(0)
	if now.Before(a.looked) || !now.Before(a.due) {
		wait, err := c.eraseExpired(now)
		if err != nil {
			return 0, err
		}
		*a = ageing{looked: now, due: now.Add(wait)}
	}
	return min(a.due.Sub(now), sweepLatest), nil
}

// eraseExpired erases what is past its age, going by the files' times, and
// returns after how long the next may be.
func (c *Cache) eraseExpired(now time.Time) (time.Duration, error) {
	d, wait := c.dir.Load(), c.opts.MaxAge
	for i, s := range c.secrets {
		dirty := map[string]bool{}
		err := c.walk(d, uint8(i), func(f found, _ int64) error {
			stored := time.Unix(f.stored, 0)
			if left := c.left(stored, now); left > 0 {
				wait = min(wait, left)
				return nil
			}
			if c.erasable(stored, now) && c.unlink(f.secret, f.name, f.ino) == nil {
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
