package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"veriffs/cache/hold"
	"veriffs/cache/seal"
)

// Hold is what must not go: see [Holds.Put].
type Hold = hold.Hold

var (
	// ErrHeld says that an object is held and stays.
	ErrHeld = errors.New("cache: held")
	// ErrEphemeral says that a cache with a key in memory can't hold anything.
	ErrEphemeral = errors.New("cache: an ephemeral cache holds nothing: it is erased when it is closed")
)

// HoldsError says that there are holds whose records can't be read. As long as
// there are, nothing is erased, evicted or too old.
type HoldsError = hold.UnreadableError

// Holds are the holds of a cache. They may be used by any number of goroutines.
type Holds struct{ c *Cache }

// Holds returns the holds of the cache.
func (c *Cache) Holds() Holds { return Holds{c} }

// Put makes sure that the objects of a hold's keys, present or yet to come, are
// neither evicted nor too old nor erased, until Release. The record is on the disk
// when Put returns, and so is what the cache has of them. A hold of the same id
// takes the place of the one before. After an error it is the one or the other, on the
// disk as for Of and All, and what either names stays.
func (h Holds) Put(record Hold) error {
	c := h.c
	if c.opts.Ephemeral {
		return ErrEphemeral
	}
	for _, k := range append([]Key{record.ID}, record.Keys...) {
		if err := checkKey(k); err != nil {
			return err
		}
	}
	st := c.store.Load()
	if err := st.holds.Put(record, c.rand, c.now(), st.mayHave, st.hold); err != nil {
		return fmt.Errorf("cache: hold: %w", err)
	}
	return nil
}

func (st *store) mayHave(secret int, k Key) bool {
	_, known, loading := st.index.Lookup(st.secrets[secret].Name(k))
	return known || loading
}

// Release undoes Put. What was held is as evictable and as old as all else then.
func (h Holds) Release(id Key) error {
	return h.release(func(st *store) error { return st.holds.Remove(id, st.hold) })
}

// ReleaseUnreadable gives up the records of which All says that they can't be read:
// what they held is not held any more.
func (h Holds) ReleaseUnreadable() error {
	return h.release(func(st *store) error { return st.holds.RemoveUnreadable(st.hold) })
}

func (h Holds) release(f func(*store) error) error {
	if err := f(h.c.store.Load()); err != nil {
		return fmt.Errorf("cache: release: %w", err)
	}
	h.c.upkeep.released.Store(true)
	h.c.upkeep.nudge()
	return nil
}

// All returns all holds, in the order of their ids, and a *HoldsError if there are
// others that can't be read.
func (h Holds) All() ([]Hold, error) {
	all, unreadable := h.c.store.Load().holds.All()
	return all, hold.Err(unreadable)
}

// Of returns the hold of an id, and false if there is none.
func (h Holds) Of(id Key) (Hold, bool) { return h.c.store.Load().holds.Of(id) }

// Foreign returns how many secrets that are not configured have sealed holds here. As
// long as there are any, SweepForeign and PurgeAll remove nothing foreign.
func (h Holds) Foreign() (secrets int, err error) {
	tags, err := h.c.store.Load().foreign.holds()
	return len(tags), err
}

// Renew seals anew what a hold holds and an older secret has sealed, so that the older one
// can be given up. Objects keep the time at which they were stored. It does nothing while one
// secret is configured. Before the cache is loaded it may see less than can be given up.
func (h Holds) Renew(ctx context.Context, id Key) (errs error) {
	record, ok := h.Of(id)
	if !ok || len(h.c.secrets) < 2 {
		return nil
	}
	if len(record.Older) > 0 {
		return errors.New("cache: renew: what older records of the hold say was not taken over yet")
	}
	for _, k := range record.Keys {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = errors.Join(errs, h.renew(k))
	}
	st := h.c.store.Load()
	return errors.Join(errs, st.holds.Again(id, h.c.rand, h.c.now(), st.mayHave, st.hold))
}

func (h Holds) renew(k Key) error {
	o, ok := h.c.Get(k)
	if !ok {
		return nil
	}
	defer o.Close()
	if o.held == nil || o.secret == 0 {
		return nil
	}
	w, err := h.c.Create(k, o.Size())
	if err != nil {
		return err
	}
	defer w.Abort()
	w.stored = o.Stored()
	if _, err := io.Copy(w, io.NewSectionReader(o, 0, o.Size())); err != nil {
		return fmt.Errorf("cache: renew: %w", err)
	}
	renewed, err := w.Commit(o.Label())
	if err != nil {
		return fmt.Errorf("cache: renew: %w", err)
	}
	defer renewed.Close()
	if _, known, _ := o.st.index.Lookup(o.st.secrets[0].Name(k)); !known { // it is kept elsewhere while it is open
		return fmt.Errorf("cache: renew: %w", errNoRoom)
	}
	return nil
}

// loadHolds reads what is held, before anything can go.
func (st *store) loadHolds() (err error) {
	if st.holds, err = hold.Open(st.dir, st.secrets); err != nil {
		return fmt.Errorf("read the holds: %w", err)
	}
	if _, unreadable := st.holds.All(); len(unreadable) > 0 {
		st.log.Error("cache: the record of a hold can't be read: nothing is erased, evicted or too old until it is restored or released",
			slog.Any("files", unreadable))
	}
	st.hold(st.holds.Names())
	return nil
}

// hold tells the index what is held.
func (st *store) hold(names map[seal.Name]bool, all bool) {
	for _, s := range st.secrets {
		st.index.SetDir(hold.Dir(s.Dir()), 0, hold.Size(st.dir, s.Dir()))
	}
	st.index.Keep(names, all)
}
