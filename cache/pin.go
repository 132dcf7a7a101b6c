package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// pinDir, in a secret's directory, holds an empty file for every pinned name.
const pinDir = "pins"

// Pin keeps the object of this key, present or yet to come, from being evicted
// for room, across restarts. Age and erasure end it all the same.
func (c *Cache) Pin(k Key) error {
	if err := checkKey(k); err != nil {
		return err
	}
	d := c.dir.Load()
	dir := c.secrets[0].dir + "/" + pinDir
	if err := d.root.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cache: pin: %w", err)
	}
	f, err := d.root.OpenFile(c.secrets[0].pin(k), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cache: pin: %w", err)
	}
	f.Close()
	c.measure(d, c.secrets[0].dir)
	c.measure(d, dir)
	for _, s := range c.secrets {
		c.index.pin(s.name(k), true)
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
	if !c.pinned(k) {
		return nil
	}
	d := c.dir.Load()
	for _, s := range c.secrets {
		if err := d.root.Remove(s.pin(k)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, s := range c.secrets {
		c.index.pin(s.name(k), false)
	}
	return nil
}

// Pinned reports whether the object of this key is, or would be, pinned.
func (c *Cache) Pinned(k Key) bool { return c.pinned(k) }

func (c *Cache) pinned(k Key) bool {
	for _, s := range c.secrets {
		if c.index.isPinned(s.name(k)) {
			return true
		}
	}
	return false
}

func (s *secret) pin(k Key) string {
	return s.dir + "/" + pinDir + "/" + s.name(k).String()
}

func (c *Cache) loadPins(d *directory) error {
	for _, s := range c.secrets {
		dir := s.dir + "/" + pinDir
		names, err := d.names(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		c.measure(d, dir)
		for _, p := range names {
			if n, ok := parseName(p); ok {
				c.index.pin(n, true)
			}
		}
	}
	return nil
}

// pin moves an object between those that may be evicted and those that may not.
func (x *index) pin(n name, on bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.pins[n] == on {
		return
	}
	e, ok := x.removeLocked(n)
	if on {
		x.pins[n] = true
	} else {
		delete(x.pins, n)
	}
	if ok {
		x.insertLocked(n, e)
	}
}

func (x *index) isPinned(n name) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.pins[n]
}
