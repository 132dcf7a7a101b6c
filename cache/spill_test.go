package cache

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
	"veriffs/cache/spill"
)

// spilled writes an object that the cache has no room for, and leaves it open.
func spilled(c *Cache, k Key, want []byte, hint int64) (*Object, error) {
	w, err := c.Create(k, hint)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	if _, err := io.Copy(w, bytes.NewReader(want)); err != nil {
		return nil, err
	}
	return w.Commit(nil)
}

// TestSpillsAreBounded opens more objects than may be outside of the cache. A
// write waits a while until one is closed, or fails; no room is lost.
func TestSpillsAreBounded(t *testing.T) {
	o := testOptions(t)
	o.Limit = 4 << 20
	t.Setenv("TMPDIR", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(o)
		must(t, err)
		defer c.Close()
		c.spills = spill.NewRoom(c.ctx, 50<<20, c.store.Load().ownSpill)
		film := content(1, 30<<20)
		for _, hint := range []int64{int64(len(film)), -1, 10, 1 << 60} {
			first, err := spilled(c, "first", film, hint)
			must(t, err)
			if s := c.Stats(); s.Spilled < 30<<20 || s.Spilled > 50<<20 || s.Memory != 0 {
				t.Errorf("%+v", s)
			}
			start := time.Now()
			if _, err := spilled(c, "second", film, hint); !errors.Is(err, spill.ErrFull) || time.Since(start) < spill.Patience {
				t.Errorf("hint %d: error %v after %v", hint, err, time.Since(start))
			}
			done := make(chan error, 1)
			go func() {
				o, err := spilled(c, "second", film, hint)
				if err == nil {
					err = errors.Join(o.Verify(), o.Close())
				}
				done <- err
			}()
			synctest.Wait() // it waits, too
			must(t, first.Verify())
			must(t, first.Close())
			must(t, <-done)
			if s := c.Stats(); s.Spilled != 0 || s.Memory != 0 {
				t.Errorf("hint %d: %+v", hint, s)
			}
		}
		if _, err := spilled(c, "large", content(1, 60<<20), -1); !errors.Is(err, spill.ErrTooLarge) {
			t.Errorf("error %v", err)
		}
		if s := c.Stats(); s.Spilled != 0 || s.Memory != 0 {
			t.Errorf("%+v", s)
		}
		checkCounts(t, c)
	})
}

// TestSpillsAreSealed checks that a spill holds sealed bytes, and that one on
// the cache's own disk has no name.
func TestSpillsAreSealed(t *testing.T) {
	o := testOptions(t)
	o.Limit = 4 << 20
	c := open(t, o)
	film := content(1, 17<<20)
	obj, err := spilled(c, "film", film, -1)
	must(t, err)
	defer obj.Close()
	must(t, obj.Verify())
	sealed := make([]byte, 4096)
	_, err = obj.src.ReadAt(sealed, seal.HeaderSize)
	must(t, err)
	if bytes.Equal(sealed, film[:len(sealed)]) {
		t.Error("in clear")
	}
	if f, err := c.store.Load().ownSpill(1 << 20); err == nil {
		f.Close()
	} else if !errors.Is(err, errNoRoom) { // which it is where the cache is in memory
		t.Error(err)
	}
	if names, _ := os.ReadDir(filepath.Join(o.Dir, directory.TempDir)); len(names) != 0 {
		t.Errorf("named files in the temporary directory: %v", names)
	}
}
