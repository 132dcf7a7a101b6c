package cache

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache/health"
	"veriffs/cache/index"
)

// lose has the removal of an object's file fail, and returns what mends that.
func lose(t *testing.T, c *Cache, k Key) (mend func()) {
	t.Helper()
	path := filepath.Join(c.opts.Dir, c.secrets[0].Path(c.secrets[0].Name(k)))
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

// TestFailedRemovalOfAnOpenObject fails to remove an object that is open. Its
// bytes can't be evicted when it is closed, so nobody may wait for them. The file
// is removed, and its bytes are free, as soon as the disk lets us.
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
		time.Sleep(health.LastPause) // the disk is in use again
		if c.Stats().Bypassed {
			t.Fatal("bypassed")
		}
		serve(t, c, "other", content(2, 2<<20))
		wantMiss(t, c, "other") // there was no room
		wantMiss(t, c, "k")
		mend()
		checkCounts(t, c)
		c.disk.Fault(errors.New("a passing fault"), false)
		time.Sleep(2 * health.LastPause)
		synctest.Wait()
		put(t, c, "other", content(2, 2<<20))
		wantHit(t, c, "other", content(2, 2<<20))
		checkCounts(t, c)
	})
}

// TestReplacedAfterFailedRemoval commits an object in place of one whose removal
// failed: it is counted once.
func TestReplacedAfterFailedRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(testOptions(t))
		must(t, err)
		defer c.Close()
		put(t, c, "k", content(1, 2<<20))
		obj, _ := c.Get("k")
		mend := lose(t, c, "k")
		time.Sleep(health.LastPause) // the disk is in use again
		mend()
		put(t, c, "k", content(2, 1<<20))
		must(t, obj.Close())
		wantHit(t, c, "k", content(2, 1<<20))
		checkCounts(t, c)
	})
}

// TestHungDisk has a removal hang. Readers, writers and removers of the same
// object, and writers that need its room, go on after a while.
func TestHungDisk(t *testing.T) {
	o := testOptions(t)
	o.Limit = 4 << 20
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(o)
		must(t, err)
		defer c.Close()
		put(t, c, "k", content(1, 2<<20))
		n := c.secrets[0].Name("k")
		claim(t, c, n) // as a removal that does not end
		wantMiss(t, c, "k")
		if c.Has("k") {
			t.Error("has what can't be had")
		}
		serve(t, c, "k", content(2, 100<<10))
		if err := c.Remove("k"); !errors.Is(err, index.ErrBusy) {
			t.Errorf("error %v", err)
		}
		time.Sleep(health.LastPause)
		serve(t, c, "other", content(3, 3<<20)) // needs the room of k
		c.store.Load().index.Unclaim(n)
		wantHit(t, c, "k", content(1, 2<<20))
		put(t, c, "other", content(3, 3<<20))
		wantHit(t, c, "other", content(3, 3<<20))
		checkCounts(t, c)
	})
}
