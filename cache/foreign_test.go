package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/cache/index"
)

// sweep has the API accept the secret, and waits for what that removes.
func sweep(t *testing.T, c *Cache) {
	t.Helper()
	waitLoaded(t, c)
	c.SweepForeign()
	c.upkeep.sweepForeign()
}

// TestMistypedSecret opens a cache with a wrong secret, alone and among others:
// no object and no pin is lost, and the bound holds.
func TestMistypedSecret(t *testing.T) {
	o := testOptions(t)
	o.Limit = 8 << 20
	right, wrong := []byte("the right secret"), []byte("the rigth secret")
	o.Secrets = [][]byte{right}
	c := open(t, o)
	const objects = 10
	for i := range objects {
		put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 500<<10))
	}
	must(t, c.Pin("3"))
	must(t, c.Close())
	for name, secrets := range map[string][][]byte{
		"instead": {wrong}, "before": {wrong, right}, "among others": {wrong, []byte("another")},
	} {
		var log logLines
		o := o
		o.Secrets, o.Logger = secrets, slog.New(slog.NewTextHandler(&log, nil))
		c := open(t, o)
		waitLoaded(t, c)
		_, err := c.Purge(context.Background(), func(Key, []byte, time.Time) bool { return false })
		must(t, err)
		if len(secrets) > 1 { // a reply proves one of them
			sweep(t, c)
		}
		for i := range 10 { // of 10 MB, beside 5 MB of 8
			serve(t, c, Key(fmt.Sprint("new", i)), content(uint64(i), 1<<20))
			if n := du(t, o.Dir); n > o.Limit {
				t.Errorf("%s: %d bytes on disk", name, n)
			}
			must(t, c.Remove(Key(fmt.Sprint("new", i))))
		}
		checkCounts(t, c)
		must(t, c.Close())
		if got := len(files(t, o.Dir)); got != objects {
			t.Errorf("%s: %d files are left", name, got)
		}
		if n := log.count("take room"); (n == 1) != (name != "before") {
			t.Errorf("%s: %q", name, log.all)
		}
	}
	c = open(t, o)
	waitLoaded(t, c)
	for i := range objects {
		wantHit(t, c, Key(fmt.Sprint(i)), content(uint64(i), 500<<10))
	}
	if s := c.Stats(); s.Pinned != 1 || s.Foreign != 0 {
		t.Errorf("%+v", s)
	}
	checkCounts(t, c)
}

// TestMistypedSecretAmongOthers pins or stores something with a mistyped secret
// among others, and has the API accept one of them later: what the secret that
// was meant has sealed stays, pins too, until that one is proven alone.
func TestMistypedSecretAmongOthers(t *testing.T) {
	first, second, typo := []byte("the first"), []byte("the second"), []byte("the sceond")
	for name, use := range map[string]func(t *testing.T, c *Cache){
		"nothing": func(*testing.T, *Cache) {},
		"pin":     func(t *testing.T, c *Cache) { must(t, c.Pin("pinned by a typo")) },
		"store":   func(t *testing.T, c *Cache) { put(t, c, "catalog", content(1, 1000)) },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t)
			with := func(do func(c *Cache), secrets ...[]byte) {
				t.Helper()
				o.Secrets = secrets
				c := open(t, o)
				do(c)
				checkCounts(t, c)
				must(t, c.Close())
			}
			with(func(c *Cache) { put(t, c, "of the first", content(1, 1000)) }, first)
			with(func(c *Cache) {
				put(t, c, "pinned", content(2, 1000))
				put(t, c, "k", content(3, 1000))
				must(t, c.Pin("pinned"))
			}, second)
			with(func(c *Cache) { use(t, c) }, typo, first)
			with(func(c *Cache) { sweep(t, c) }, first, typo)
			with(func(c *Cache) { sweep(t, c) }, typo, first)
			with(func(c *Cache) {
				wantHit(t, c, "pinned", content(2, 1000))
				wantHit(t, c, "k", content(3, 1000))
				if !c.Pinned("pinned") {
					t.Error("the pin was lost")
				}
				sweep(t, c)
				if n := len(files(t, o.Dir)); n != 2 {
					t.Errorf("%d files are left", n)
				}
			}, second)
		})
	}
}

// TestForeignFillTheCache fills the cache with objects of another secret: new
// ones are served but not kept until the secret is proven.
func TestForeignFillTheCache(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	for i := range 8 {
		put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 1<<20))
	}
	must(t, c.Close())
	o.Limit, o.Secrets = 4<<20, [][]byte{[]byte("the new secret")}
	c = open(t, o)
	serve(t, c, "k", content(1, 1<<20))
	wantMiss(t, c, "k")
	if n := len(files(t, o.Dir)); n != 8 || c.Stats().Bypassed {
		t.Errorf("%d files are left, %+v", n, c.Stats())
	}
	sweep(t, c)
	put(t, c, "k", content(1, 1<<20))
	wantHit(t, c, "k", content(1, 1<<20))
	checkCounts(t, c)
}

// rotated is a cache with 6 objects and a pin of an old secret, and 4 of the present one.
func rotated(t *testing.T) (*Cache, Options) {
	t.Helper()
	o := testOptions(t)
	c := open(t, o)
	for i := range 6 {
		put(t, c, Key(fmt.Sprint("old", i)), content(uint64(i), 1000))
	}
	must(t, c.Pin("old0"))
	must(t, c.Close())
	o.Secrets = [][]byte{[]byte("the new secret")}
	c = open(t, o)
	for i := range 4 {
		put(t, c, Key(fmt.Sprint("new", i)), content(uint64(i), 1000))
	}
	return c, o
}

func everything(Key, []byte, time.Time) bool { return true }

// TestPurgeBesideForeignObjects erases what it can, and says that it proves nothing.
func TestPurgeBesideForeignObjects(t *testing.T) {
	c, o := rotated(t)
	r, err := c.Purge(context.Background(), everything)
	must(t, err)
	if len(r.Erased) != 4 || r.Remaining != 0 || r.Unreadable != 6 || r.Proven || len(files(t, o.Dir)) != 6 {
		t.Errorf("%+v", r)
	}
	checkCounts(t, c)
	sweep(t, c)
	r, err = c.Purge(context.Background(), everything)
	if err != nil || r.Unreadable != 0 || !r.Proven {
		t.Errorf("%+v, %v", r, err)
	}
	checkCounts(t, c)
}

// TestPurgeAll erases what any secret sealed, and proves it.
func TestPurgeAll(t *testing.T) {
	c, o := rotated(t)
	waitLoaded(t, c)
	r, err := c.PurgeAll(context.Background(), everything)
	if err != nil || len(r.Erased) != 10 || r.Remaining != 0 || r.Unreadable != 0 || !r.Proven || r.Bytes == 0 || r.Scans != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if left := files(t, o.Dir); len(left) != 0 || c.Stats().Foreign != 0 {
		t.Errorf("%v, %+v", left, c.Stats())
	}
	put(t, c, "k", content(1, 10))
	wantHit(t, c, "k", content(1, 10))
	checkCounts(t, c)
}

// TestPurgeWhileSweeping has two goroutines remove and count the same objects.
func TestPurgeWhileSweeping(t *testing.T) {
	for i := range 6 {
		c, o := rotated(t)
		waitLoaded(t, c)
		c.SweepForeign()
		r, err := c.purge(context.Background(), everything, i%2 == 0)
		if err != nil || r.Remaining != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		sweep(t, c)
		if left := files(t, o.Dir); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
		must(t, c.Close())
		checkCounts(t, c)
	}
}

// TestPurgeBesideUnknownFiles checks that files which the cache did not make are
// named and left alone, and that nothing is proven then.
func TestPurgeBesideUnknownFiles(t *testing.T) {
	c, o := rotated(t)
	must(t, c.Pin("new0"))
	own := c.secrets[0].Dir()
	unknown := []string{"copies", own + "/copy", own + "/pins/copy"}
	for _, name := range unknown {
		must(t, os.Mkdir(filepath.Join(o.Dir, name), 0o700))
	}
	must(t, os.WriteFile(filepath.Join(o.Dir, directory.FinderFile), nil, 0o600))
	for _, all := range []bool{false, true} {
		r, err := c.purge(context.Background(), everything, all)
		if err != nil || !slices.Equal(r.Unknown, unknown) || r.Proven {
			t.Errorf("%+v, %v", r, err)
		}
	}
	for _, name := range unknown {
		must(t, os.Remove(filepath.Join(o.Dir, name)))
	}
	if r, err := c.PurgeAll(context.Background(), everything); err != nil || !r.Proven {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestPurgeBesideAFalseShard checks that what has a shard's name and is no directory
// is not passed over.
func TestPurgeBesideAFalseShard(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"link": func(path string) error { return os.Symlink(t.TempDir(), path) },
		"pipe": func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			c, o := rotated(t)
			shard := filepath.Dir(c.secrets[0].Path(c.secrets[0].Name("new0")))
			must(t, os.Rename(filepath.Join(o.Dir, shard), filepath.Join(t.TempDir(), "stolen")))
			must(t, make(filepath.Join(o.Dir, shard)))
			r, err := c.Purge(context.Background(), everything)
			if err != nil || !slices.Equal(r.Unknown, []string{shard}) || r.Proven {
				t.Errorf("%+v, %v", r, err)
			}
			must(t, os.Remove(filepath.Join(o.Dir, shard)))
		})
	}
}

// TestPurgeOfAReplacedDirectory checks that nothing is proven about a directory that
// has taken the place of the cache's.
func TestPurgeOfAReplacedDirectory(t *testing.T) {
	c, o := rotated(t)
	must(t, os.Rename(o.Dir, o.Dir+".old"))
	must(t, os.CopyFS(o.Dir, os.DirFS(o.Dir+".old")))
	if r, err := c.PurgeAll(context.Background(), everything); err != nil || !r.Replaced || r.Proven {
		t.Errorf("%+v, %v", r, err)
	}
	must(t, os.RemoveAll(o.Dir))
	must(t, os.Rename(o.Dir+".old", o.Dir))
	if r, err := c.PurgeAll(context.Background(), everything); err != nil || r.Replaced || !r.Proven {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestPurgeBesideTheOtherKind checks that the objects in the cache of the other
// kind of key are counted, even while that one is in use, and that nothing is
// proven then.
func TestPurgeBesideTheOtherKind(t *testing.T) {
	o, other := testOptions(t), testOptions(t)
	other.Ephemeral = true
	o.Beside, other.Beside = other.Dir, o.Dir
	purge := func(c *Cache, beside int64) {
		t.Helper()
		r, err := c.Purge(context.Background(), everything)
		if err != nil || r.Beside != beside || r.Proven != (beside == 0) {
			t.Errorf("%+v, %v", r, err)
		}
	}
	c := open(t, o)
	purge(c, 0)
	put(t, c, "k", content(1, 10))
	e := open(t, other)
	put(t, e, "k", content(1, 10))
	put(t, e, "l", content(1, 10))
	purge(c, 2)
	put(t, c, "k", content(1, 10))
	purge(e, 1)
	purge(c, 0)
	put(t, e, "k", content(1, 10))
	crash(e)
	purge(c, 1)
	e = open(t, other)
	purge(e, 0)
	purge(c, 0)
}

// TestPurgePastOneThatStays purges while one object can't be removed: that is an
// error, but all others are erased.
func TestPurgePastOneThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(testOptions(t))
		must(t, err)
		defer c.Close()
		for i := range 10 {
			put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 100))
		}
		stays := c.secrets[0].Name("5")
		claim(t, c, stays) // somebody's work on it does not end
		r, err := c.Purge(context.Background(), everything)
		if !errors.Is(err, index.ErrBusy) || len(r.Erased) != 9 || r.Remaining == 0 || r.Proven {
			t.Errorf("%+v, %v", r, err)
		}
		c.store.Load().index.Unclaim(stays)
		r, err = c.Purge(context.Background(), everything)
		if err != nil || len(r.Erased) != 1 || !r.Proven {
			t.Errorf("%+v, %v", r, err)
		}
		checkCounts(t, c)
	})
}
