package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
)

// Pin keeps the object of this key, present or yet to come, from being evicted
// for room, across restarts. Age and erasure end it all the same.
func (c *Cache) Pin(k Key) error {
	if err := checkKey(k); err != nil {
		return err
	}
	st, s := c.store.Load(), c.secrets[0]
	if err := st.dir.MkdirAll(pinDir(s), 0o700); err != nil {
		return fmt.Errorf("cache: pin: %w", err)
	}
	f, err := st.dir.OpenFile(pinFile(s, k), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cache: pin: %w", err)
	}
	f.Close()
	st.measure(s.Dir())
	st.measure(pinDir(s))
	for _, s := range c.secrets {
		st.index.pin(s.Name(k), true)
	}
	return nil
}

// Unpin undoes Pin.
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
		if err := st.dir.Remove(pinFile(s, k)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, s := range c.secrets {
		st.index.pin(s.Name(k), false)
	}
	return nil
}

// Pinned reports whether the object of this key is, or would be, pinned.
func (c *Cache) Pinned(k Key) bool {
	for _, s := range c.secrets {
		if c.store.Load().index.isPinned(s.Name(k)) {
			return true
		}
	}
	return false
}

// loadPins reads which names are pinned.
func (st *store) loadPins() error {
	for _, s := range st.secrets {
		names, err := st.dir.Names(pinDir(s))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		st.measure(pinDir(s))
		for _, name := range names {
			if n, ok := seal.ParseName(name); ok {
				st.index.pin(n, true)
			}
		}
	}
	return nil
}

func pinDir(s *seal.Secret) string { return s.Dir() + "/" + directory.PinDir }

func pinFile(s *seal.Secret, k Key) string { return pinDir(s) + "/" + s.Name(k).String() }
