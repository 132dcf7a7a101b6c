package custody

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"veriffs/internal/hold"
	"veriffs/internal/notice"
	"veriffs/veriff"
)

// What a mount does so that its team knows of its holds. A command puts a notice at once;
// what that could not do, and what somebody has removed or changed since, is put here.
const (
	// announceInterval is how often is looked whether a hold has no notice yet.
	announceInterval = time.Minute
	// announcedFor is how long a notice that was found is not looked for again.
	announcedFor = time.Hour
)

// Announced says whether the other members of a team can know of a hold.
type Announced struct {
	Written bool   `json:"written"`
	Error   string `json:"error,omitempty"` // why not; a mount tries it again
}

// Announce keeps the notices of all holds in the team's store, until its context ends. It
// does nothing if there is none.
func (c *Custodian) Announce(ctx context.Context) {
	if c.work.Board == nil {
		return
	}
	tick := time.NewTicker(announceInterval)
	defer tick.Stop()
	for failed := false; ; {
		err := c.announceAll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failed:
			c.log.Warn("the team is not told of all holds yet: it is tried again each minute", "error", err)
		case err == nil && failed:
			c.log.Info("the team is told of all holds now")
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// announceAll looks after the notices that were not looked at lately, whatever fails of some.
// A store that does not answer ends it: each of the others would wait as long.
func (c *Custodian) announceAll(ctx context.Context) error {
	var failed []error
	for _, r := range c.All() {
		if r.Expired(c.now()) {
			continue
		}
		last, ours := c.announced.Load(r.Session)
		if ours && time.Since(last.(time.Time)) < announcedFor {
			continue
		}
		keep := func(ctx context.Context, r *hold.Record) error { return c.work.Board.Keep(ctx, r, ours) }
		if err := c.announce(ctx, r.Session, keep); err != nil {
			failed = append(failed, err)
			if ctx.Err() != nil || errors.Is(err, notice.ErrSilent) {
				break
			}
		}
	}
	return errors.Join(failed...)
}

// announce has a notice put of a hold that stands.
func (c *Custodian) announce(ctx context.Context, id veriff.SessionID, put func(context.Context, *hold.Record) error) error {
	c.announcing.Lock()
	defer c.announcing.Unlock()
	return c.announceLocked(ctx, id, put)
}

func (c *Custodian) announceLocked(ctx context.Context, id veriff.SessionID, put func(context.Context, *hold.Record) error) error {
	r := c.Of(id)
	if r == nil {
		return nil
	}
	if len(r.Notices) == 0 {
		// It is written down first: nobody else could remove a notice without a name.
		if _, err := c.Set.Learn(id, hold.Noticed(rand.Text())); err != nil {
			return fmt.Errorf("custody: name the notice of a hold: %w", err)
		}
		r = c.Of(id)
	}
	err := put(ctx, r)
	if errors.Is(err, notice.ErrCopied) {
		err = c.part(ctx, r)
	}
	if err != nil {
		c.announced.Delete(id)
		return err
	}
	c.announced.Store(id, time.Now())
	return nil
}

// part gives a hold a notice of its own: the one that it had is another cache's from now on.
func (c *Custodian) part(ctx context.Context, r *hold.Record) error {
	c.log.Warn("another cache keeps the same object in the team store for a hold, so one of the two is a copy of the other: this one has an object of its own from now on", "session", r.Session)
	if _, err := c.Set.Learn(r.Session, hold.Renoticed(r.Notices[0], rand.Text())); err != nil {
		return fmt.Errorf("custody: name the notice of a hold: %w", err)
	}
	return c.work.Board.Post(ctx, c.Of(r.Session))
}

// announceNow has the notice of a new hold put, nil if there is nobody to tell.
func (c *Custodian) announceNow(ctx context.Context, id veriff.SessionID) *Announced {
	if c.work.Board == nil {
		return nil
	}
	if err := c.announce(ctx, id, c.work.Board.Post); err != nil {
		c.log.Warn("a hold is not in the team store yet", "session", id, "error", err)
		return &Announced{Error: err.Error()}
	}
	return &Announced{Written: true}
}

// Unannounced returns how many holds the team can't know of, as far as is known.
func (c *Custodian) Unannounced() (n int) {
	if c.work.Board == nil {
		return 0
	}
	for _, r := range c.All() {
		if _, ok := c.announced.Load(r.Session); !ok && !r.Expired(c.now()) {
			n++
		}
	}
	return n
}

// end withdraws the notice of a hold and ends it, if its record is to end as it is by then.
// A hold that is extended between the two, or whose record can't be removed, stands, and its
// notice is put again at once. With storeGone it ends whether the notice can be withdrawn or not.
func (c *Custodian) end(ctx context.Context, id veriff.SessionID, storeGone bool, ends func(*hold.Record) bool) (*hold.Record, error) {
	c.announcing.Lock()
	defer c.announcing.Unlock()
	r := c.Of(id)
	switch {
	case r == nil:
		return nil, hold.ErrNone
	case !ends(r):
		return r, hold.ErrStands
	}
	_, ours := c.announced.LoadAndDelete(id)
	others, err := c.work.Board.Withdraw(ctx, r, ours)
	for _, p := range others {
		c.log.Warn("another cache, which has the same record, has put the object of a hold in the team store: if it holds the session as well, its mount keeps the object or puts it again within an hour",
			"session", id, "object", p.Object, "removed", !ours, "host", p.Host, "cache", p.Cache)
	}
	if c.work.Board == nil && len(r.Notices) > 0 {
		err = notice.ErrElsewhere
	}
	if err != nil && !storeGone && !r.Expired(c.now()) { // others go by a notice until its time has run out
		return r, fmt.Errorf("%w: %w", hold.ErrStands, err)
	}
	if err = c.work.End(id, ends); err != nil && c.work.Board != nil {
		if failed := c.announceLocked(context.WithoutCancel(ctx), id, c.work.Board.Post); failed != nil {
			c.log.Warn("a hold that stands is no longer in the team store: a mount puts it there again", "session", id, "error", failed)
		}
	}
	return r, err
}

// sweep removes what this cache has left in the team's store of a session that it does not
// hold, and returns it as a record: nil if there is nothing.
func (c *Custodian) sweep(ctx context.Context, id veriff.SessionID, storeGone bool) (r *hold.Record, err error) {
	c.announcing.Lock()
	defer c.announcing.Unlock()
	left, err := c.work.Board.Left(ctx, id)
	for _, p := range left {
		r = &hold.Record{Session: id, Reason: p.Reason, By: p.By, Since: p.Since, Until: p.Until}
		err = errors.Join(err, c.work.Board.Sweep(ctx, p))
	}
	if r == nil && (err == nil || storeGone) {
		err = hold.ErrNone
	}
	return r, err
}
