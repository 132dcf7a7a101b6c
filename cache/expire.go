package cache

import (
	"context"
	"time"

	"veriffs/cache/age"
	"veriffs/cache/index"
)

// sweepLatest is how long an object may still be on disk, though not to be
// had, after its age ran out: a hundredth of the age, at most this. It is also
// how often the clock is looked at, since timers stand still in suspend.
const sweepLatest = 10 * time.Minute

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
		if left := age.Left(maxAge, stored, now); left > 0 {
			wait = min(wait, left)
			return false, nil
		}
		return age.Erasable(stored, now, st.dir.Made()) && st.unlink(f.Secret, f.Name, f.Inode) == nil, nil
	})
	return max(wait, min(maxAge/100, sweepLatest)), err
}
