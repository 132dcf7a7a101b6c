package cache

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// lose has the removal of an object's file fail, and returns what mends that.
func lose(t *testing.T, c *Cache, k Key) (mend func()) {
	t.Helper()
	path := filepath.Join(c.opts.Dir, c.secrets[0].path(c.secrets[0].name(k)))
	aside := filepath.Join(t.TempDir(), "aside")
	must(t, os.Rename(path, aside))
	must(t, os.MkdirAll(filepath.Join(path, "full"), 0o700)) // a directory that is not empty
	if err := c.Remove(k); err == nil {
		t.Fatal("removed")
	}
	return func() {
		must(t, os.RemoveAll(path))
		must(t, os.Rename(aside, path))
	}
}

// TestFailedRemovalOfAnOpenObject: its bytes can't be evicted when it is
// closed, so who needs room must not wait for them. They are freed, and the
// object is off the disk, as soon as it can be removed.
func TestFailedRemovalOfAnOpenObject(t *testing.T) {
	o := testOptions(t)
	o.Limit = 4 << 20
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(o)
		must(t, err)
		defer c.Close()
		put(t, c, "k", content(1, 2<<20))
		obj, ok := c.Get("k")
		if !ok {
			t.Fatal("miss")
		}
		mend := lose(t, c, "k")
		must(t, obj.Close())
		time.Sleep(probeLast) // the disk is in use again
		if c.Stats().Bypassed {
			t.Fatal("bypassed")
		}
		serve(t, c, "other", content(2, 2<<20))
		wantMiss(t, c, "other") // there was no room
		wantMiss(t, c, "k")
		mend()
		checkCounts(t, c)
		c.health.fault(errors.New("a passing fault"), false)
		time.Sleep(2 * probeLast)
		synctest.Wait()
		put(t, c, "other", content(2, 2<<20))
		wantHit(t, c, "other", content(2, 2<<20))
		checkCounts(t, c)
	})
}

// TestReplacedAfterFailedRemoval: what takes the place of an object whose
// removal failed is counted once.
func TestReplacedAfterFailedRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(testOptions(t))
		must(t, err)
		defer c.Close()
		put(t, c, "k", content(1, 2<<20))
		obj, _ := c.Get("k")
		mend := lose(t, c, "k")
		mend()
		c.health.recover()
		put(t, c, "k", content(2, 1<<20))
		must(t, obj.Close())
		wantHit(t, c, "k", content(2, 1<<20))
		checkCounts(t, c)
	})
}

// TestHungDisk has a removal hang. Who reads, writes or removes the same
// object, or needs the room, goes on after a while.
func TestHungDisk(t *testing.T) {
	o := testOptions(t)
	o.Limit = 4 << 20
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(o)
		must(t, err)
		defer c.Close()
		put(t, c, "k", content(1, 2<<20))
		n := c.secrets[0].name("k")
		must(t, c.index.claim(n, erasePatience)) // as a removal that does not end
		wantMiss(t, c, "k")
		if c.Has("k") {
			t.Error("has what can't be had")
		}
		serve(t, c, "k", content(2, 100<<10))
		if err := c.Remove("k"); !errors.Is(err, errBusy) {
			t.Errorf("error %v", err)
		}
		time.Sleep(probeLast)
		serve(t, c, "other", content(3, 3<<20)) // needs the room of k
		c.index.unclaim(n)
		wantHit(t, c, "k", content(1, 2<<20))
		put(t, c, "other", content(3, 3<<20))
		wantHit(t, c, "other", content(3, 3<<20))
		checkCounts(t, c)
	})
}
