package cache

import (
	"errors"
	"fmt"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
)

// Pin keeps the object of this key, present or yet to come, from being evicted
// for room, across restarts. Age and erasure end the object all the same, and
// erasure ends the pin with it.
func (c *Cache) Pin(k Key) error {
	if err := checkKey(k); err != nil {
		return err
	}
	st, s := c.store.Load(), c.secrets[0]
	dir := st.dir.Secret(s.Dir())
	if err := dir.Pin(s.Name(k).String()); err != nil {
		return fmt.Errorf("cache: pin: %w", err)
	}
	st.measure(s.Dir())
	st.measure(dir.PinDir())
	for _, s := range c.secrets {
		st.index.Pin(s.Name(k), true)
	}
	return nil
}

// Unpin undoes Pin, whether there is an object of this key or not, and makes
// sure that a power cut does not bring the pin back.
func (c *Cache) Unpin(k Key) error {
	if err := c.unpin(k); err != nil {
		return fmt.Errorf("cache: unpin: %w", err)
	}
	return nil
}

func (c *Cache) unpin(k Key) error {
	if !c.Pinned(k) {
		return nil
	}
	st := c.store.Load()
	for _, s := range c.secrets {
		if err := st.dir.Secret(s.Dir()).Unpin(s.Name(k).String()); err != nil {
			return err
		}
	}
	for _, s := range c.secrets {
		st.index.Pin(s.Name(k), false)
	}
	return nil
}

// unpinAll undoes every pin of the configured secrets.
func (st *store) unpinAll() (errs error) {
	for _, s := range st.secrets {
		pinned, _, err := pins(st.dir.Secret(s.Dir()))
		names := make([]string, 0, len(pinned))
		for _, n := range pinned {
			names = append(names, n.String())
		}
		errs = errors.Join(errs, err, st.dir.Secret(s.Dir()).Unpin(names...))
	}
	if errs == nil {
		st.index.UnpinAll()
	}
	return errs
}

// Pinned reports whether the object of this key is, or would be, pinned.
func (c *Cache) Pinned(k Key) bool {
	for _, s := range c.secrets {
		if c.store.Load().index.IsPinned(s.Name(k)) {
			return true
		}
	}
	return false
}

// loadPins reads which names are pinned.
func (st *store) loadPins() error {
	for _, s := range st.secrets {
		names, _, err := pins(st.dir.Secret(s.Dir()))
		if err != nil {
			return err
		}
		st.measure(st.dir.Secret(s.Dir()).PinDir())
		for _, n := range names {
			st.index.Pin(n, true)
		}
	}
	return nil
}

// pins lists the names that are pinned in the directory of a secret, and what
// lies among them and is not the cache's.
func pins(dir directory.SecretDir) (pinned []seal.Name, unknown []string, err error) {
	names, err := dir.Pins()
	for _, name := range names {
		if n, ok := seal.ParseName(name); ok {
			pinned = append(pinned, n)
		} else {
			unknown = append(unknown, name)
		}
	}
	return pinned, unknown, err
}
