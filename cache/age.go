package cache

import (
	"context"
	"math"
	"time"

	"veriffs/cache/index"
)

const (
	// sweepLatest is how long an object may still be on disk, though not to be
	// had, after its age ran out: a hundredth of the age, at most this. It is also
	// how often the clock is looked at, since timers stand still in suspend.
	sweepLatest = 10 * time.Minute
	// clockStep is how far in the future an object may have been stored: clocks
	// are set back a little now and then.
	clockStep = 5 * time.Minute
)

// timeLeft is how long an object may still be had: not any more if it is 0 or
// less. The age of one from the future is not known, so it counts as too old.
// Ages go by the wall clock.
func timeLeft(maxAge time.Duration, stored, now time.Time) time.Duration {
	if maxAge <= 0 {
		return math.MaxInt64
	}
	age := now.Round(0).Sub(stored)
	if age < -clockStep {
		return 0
	}
	return maxAge - age
}

// erasable reports whether an object that is past its age goes for good. One
// from the future does not while the clock is before made, when the cache was
// made: a machine that starts in 1970 would lose everything.
func erasable(stored, now, made time.Time) bool {
	return !stored.After(now) || !now.Before(made)
}

// ageing is when the files' ages were looked at, and when the next of them
// will be too old.
type ageing struct{ looked, due time.Time }

// sweepExpired erases what is past its age if there may be anything, and
// returns how long it can wait until it looks again; 0 is for ever.
func (u *upkeep) sweepExpired(a *ageing) (time.Duration, error) {
	c := u.c
	if c.opts.MaxAge <= 0 {
		return 0, nil
	}
	now := c.now().Round(0)
	if u.released.Swap(false) || now.Before(a.looked) || !now.Before(a.due) {
		wait, err := c.store.Load().eraseExpired(c.ctx, c.opts.MaxAge, now)
		if err != nil {
			return 0, err
		}
		*a = ageing{looked: now, due: now.Add(wait)}
	}
	return min(a.due.Sub(now), sweepLatest), nil
}

// eraseExpired erases what is past its age, going by the files' times, and
// returns after how long the next may be.
func (st *store) eraseExpired(ctx context.Context, maxAge time.Duration, now time.Time) (time.Duration, error) {
	wait := maxAge
	err := st.walk(ctx, func(f index.Object, _ int64) (erased bool, err error) {
		if st.index.IsKept(f.Name) {
			return false, nil
		}
		stored := time.Unix(f.Stored, 0)
		if left := timeLeft(maxAge, stored, now); left > 0 {
			wait = min(wait, left)
			return false, nil
		}
		return erasable(stored, now, st.dir.Made()) && st.unlink(f.Secret, f.Name, f.Inode) == nil, nil
	})
	return max(wait, min(maxAge/100, sweepLatest)), err
}
