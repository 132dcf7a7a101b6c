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
// for room, across restarts. Age and erasure end the object all the same, and
// erasure ends the pin with it.
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
		if err := st.removePins(s, s.Name(k)); err != nil {
			return err
		}
	}
	for _, s := range c.secrets {
		st.index.pin(s.Name(k), false)
	}
	return nil
}

// unpinAll undoes every pin of the configured secrets.
func (st *store) unpinAll() (errs error) {
	for _, s := range st.secrets {
		names, _, err := st.pins(s.Dir())
		errs = errors.Join(errs, err, st.removePins(s, names...))
	}
	if errs == nil {
		st.index.unpinAll()
	}
	return errs
}

// removePins removes the files of pins, and syncs their directory even if they
// are gone: the sync may have failed the last time.
func (st *store) removePins(s *seal.Secret, names ...seal.Name) (errs error) {
	for _, n := range names {
		if err := st.dir.Remove(pinDir(s) + "/" + n.String()); !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
	}
	if err := st.dir.Sync(pinDir(s)); !errors.Is(err, fs.ErrNotExist) {
		errs = errors.Join(errs, err)
	}
	return errs
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
		names, _, err := st.pins(s.Dir())
		if err != nil {
			return err
		}
		st.measure(pinDir(s))
		for _, n := range names {
			st.index.pin(n, true)
		}
	}
	return nil
}

// pins lists the names that are pinned in the directory of a secret, and what
// lies among them and is not the cache's.
func (st *store) pins(tag string) (pinned []seal.Name, unknown []string, err error) {
	names, err := st.dir.Names(tag + "/" + directory.PinDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	for _, name := range names {
		if n, ok := seal.ParseName(name); ok {
			pinned = append(pinned, n)
		} else if name != directory.FinderFile {
			unknown = append(unknown, name)
		}
	}
	return pinned, unknown, err
}

func pinDir(s *seal.Secret) string { return s.Dir() + "/" + directory.PinDir }

func pinFile(s *seal.Secret, k Key) string { return pinDir(s) + "/" + s.Name(k).String() }
