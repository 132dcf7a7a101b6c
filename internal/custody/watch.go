package custody

import (
	"context"
	"errors"
	"time"

	"veriffs/internal/hold"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// What a mount does for holds by itself: it completes them, ends them, and seals what
// is held anew.

const (
	// watchInterval is how often is looked whether a hold's time has run out.
	watchInterval = time.Minute
	// loadingInterval is how often is looked whether the cache is loaded.
	loadingInterval = 100 * time.Millisecond
	// completeInterval is how often what is missing of a hold is asked for.
	completeInterval = time.Hour
)

// Watch ends the holds whose time has run out, and completes those that lack
// something, until its context ends.
func (c *Custodian) Watch(ctx context.Context) {
	next := make(map[veriff.SessionID]time.Time) // when each is completed again
	c.renew(ctx)
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		for _, r := range c.All() {
			switch {
			case c.askedAgain(r.Session): // somebody is just holding it
			case r.Expired(c.now()):
				c.expire(ctx, r.Session)
			case r.Complete.IsZero() && r.Gone.IsZero() && !time.Now().Before(next[r.Session]):
				next[r.Session] = time.Now().Add(c.completeAgain(ctx, r.Session))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-c.incomplete:
		case <-tick.C:
		}
	}
}

// completeAgain completes a hold, and returns when to try once more.
func (c *Custodian) completeAgain(ctx context.Context, id veriff.SessionID) time.Duration {
	held, err := c.complete(ctx, id)
	if err != nil || held.NoRoom == 0 {
		return completeInterval
	}
	c.log.Error("the cache has no room for all of a held session: make it larger (--cache-size) and hold it again",
		"session", id, "files", held.NoRoom, "used", held.Used, "limit", held.Limit)
	return completeInterval * 24 * 365 // it would be fetched in vain each time
}

// renew seals what is held with the newest secret, so that the older ones can be
// given up without losing it.
func (c *Custodian) renew(ctx context.Context) {
	for c.cache.Stats().Loading { // what lies under which secret is not known before
		select {
		case <-ctx.Done():
			return
		case <-time.After(loadingInterval):
		}
	}
	for _, r := range c.All() {
		if err := c.cache.Holds().Renew(ctx, store.HoldKey(r.Session)); err != nil && ctx.Err() == nil {
			c.log.Error("what is held could not be sealed with the new secret: keep the old one set", "session", r.Session, "error", err)
		}
	}
}

// expire ends a hold whose time has run out, unless it was extended or released meanwhile.
func (c *Custodian) expire(ctx context.Context, id veriff.SessionID) {
	_, err := c.end(ctx, id, false, func(r *hold.Record) bool { return r.Expired(c.now()) })
	switch {
	case err == nil:
		c.log.Info("a hold ended, because its time has run out", "session", id)
	case !errors.Is(err, hold.ErrStands) && !errors.Is(err, hold.ErrNone):
		c.log.Error("a hold whose time has run out could not be ended", "session", id, "error", err)
	}
}
