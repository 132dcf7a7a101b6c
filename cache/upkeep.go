package cache

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"veriffs/cache/directory"
	"veriffs/cache/health"
)

// upkeep is the background work: it loads the index, removes what other secrets
// left when it may, and erases objects that are past their age.
type upkeep struct {
	c        *Cache
	wake     chan struct{} // there is something to do
	proven   atomic.Bool   // objects of other secrets may be removed
	released atomic.Bool   // a hold ended: what it kept may be too old
}

func newUpkeep(c *Cache) *upkeep { return &upkeep{c: c, wake: make(chan struct{}, 1)} }

// run does what there is to do, until the cache is closed.
func (u *upkeep) run() {
	c := u.c
	var ages ageing
	for {
		var wait time.Duration
		u.sweepForeign()
		st := c.store.Load()
		err := st.load(c.ctx, c.now())
		if err == nil {
			st.removeLost()
			wait, err = u.sweepExpired(&ages)
		}
		if err != nil && c.ctx.Err() == nil {
			c.disk.Fault(err, true)
			wait = health.LastPause
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-c.ctx.Done():
			return
		case <-u.wake:
		case <-timer:
		}
	}
}

// nudge makes run look at the cache now.
func (u *upkeep) nudge() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// probe tries a sick disk out. A directory that was removed or replaced is made
// and locked again.
func (c *Cache) probe() error {
	if err := c.reopen(); err != nil {
		return err
	}
	return c.store.Load().probe()
}

// reopen takes a new directory into use if the path no longer leads to the one
// that is open. Objects of the old one that are open can be read on.
func (c *Cache) reopen() error {
	old := c.store.Load()
	replaced, err := old.dir.Replaced()
	if err != nil || !replaced {
		return err
	}
	d, err := directory.Open(old.dir.Path(), c.opts.Ephemeral)
	if err != nil {
		return err
	}
	st, err := newStore(c, d)
	if err != nil {
		return errors.Join(fmt.Errorf("prepare: %w", err), d.Close())
	}
	c.store.Store(st)
	_ = old.close()
	return nil
}

// probe does what the cache does: it makes, syncs, reads back and removes a file.
func (st *store) probe() error {
	if err := st.dir.Lay(); err != nil {
		return err
	}
	size := int64(64 << 10)
	switch err := st.reserve(size + slack); {
	case err == nil:
		defer st.index.Settle(size+slack, 0)
	case errors.Is(err, errNoRoom):
		size = 0 // the limit holds for probes too
	default:
		return err
	}
	f, temp, err := st.dir.CreateTemp()
	if err != nil {
		return err
	}
	defer st.dir.Remove(temp)
	defer f.Close()
	want, got := bytes.Repeat([]byte{0xa5}, int(size)), make([]byte, size)
	if _, err := f.WriteAt(want, 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if _, err := f.ReadAt(got, 0); err != nil {
		return err
	}
	if !bytes.Equal(want, got) {
		return errors.New("reads other bytes than were written")
	}
	_, err = st.dir.Names(".")
	return err
}
