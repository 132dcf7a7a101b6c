package cache

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"veriffs/cache/directory"
)

// TestPins keeps pinned objects while others come and go, across a restart.
func TestPins(t *testing.T) {
	o := testOptions(t)
	o.Limit = 4 << 20
	c := open(t, o)
	pinned := content(1, 500<<10)
	must(t, c.Pin("ahead"))
	put(t, c, "ahead", pinned)
	put(t, c, "later", pinned)
	must(t, c.Pin("later"))
	churn := func() {
		for i := range 20 {
			put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 400<<10))
		}
		checkCounts(t, c)
	}
	churn()
	wantHit(t, c, "ahead", pinned)
	wantHit(t, c, "later", pinned)
	crash(c)
	c = open(t, o)
	churn()
	wantHit(t, c, "ahead", pinned)
	wantHit(t, c, "later", pinned)
	if s := c.Stats(); s.Pinned != 2 {
		t.Errorf("%+v", s)
	}
	must(t, c.Unpin("ahead"))
	churn()
	wantMiss(t, c, "ahead")
	wantHit(t, c, "later", pinned)
}

// TestPinsFillTheCache fills the cache with pinned objects: others are served but
// not kept.
func TestPinsFillTheCache(t *testing.T) {
	o := testOptions(t)
	o.Limit = 3 << 20
	c := open(t, o)
	for i := range 2 {
		put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 1<<20))
		must(t, c.Pin(Key(fmt.Sprint(i))))
	}
	put(t, c, "more", content(5, 1<<20))
	wantMiss(t, c, "more")
	wantHit(t, c, "0", content(0, 1<<20))
	wantHit(t, c, "1", content(1, 1<<20))
	checkCounts(t, c)
}

// pinFiles lists the files of pins below a cache's directory, whoever's they are.
func pinFiles(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "????????????????", directory.PinDir, "*"))
	must(t, err)
	return list
}

// TestUnpinWithoutObject undoes pins of objects that are not there, whichever
// secret was in use when they were made, and others stay.
func TestUnpinWithoutObject(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	must(t, c.Pin("of the old secret"))
	must(t, c.Close())
	o.Secrets = [][]byte{[]byte("the new secret"), o.Secrets[0]}
	c = open(t, o)
	must(t, c.Pin("of the new secret"))
	must(t, c.Pin("stays"))
	put(t, c, "k", content(1, 10))
	must(t, c.Pin("k"))
	purge := func(pins int64) {
		t.Helper()
		r, err := c.Purge(context.Background(), everything)
		if err != nil || !r.Proven || r.Pins != pins || len(pinFiles(t, o.Dir)) != int(pins) {
			t.Errorf("%+v, %v, %v", r, err, pinFiles(t, o.Dir))
		}
	}
	purge(3)
	for range 2 {
		must(t, c.Unpin("of the old secret"))
		must(t, c.Unpin("of the new secret"))
	}
	purge(1)
	checkCounts(t, c)
	must(t, c.Close())
	c = open(t, o)
	if c.Pinned("of the old secret") || c.Pinned("of the new secret") || !c.Pinned("stays") {
		t.Error("pins changed with a restart")
	}
}

// TestPurgeAllPins erases every pin, of objects that are not there and of
// secrets that are not configured, too, and proves it.
func TestPurgeAllPins(t *testing.T) {
	o := testOptions(t)
	for _, secret := range []string{"not configured", "old"} {
		o.Secrets = [][]byte{[]byte(secret)}
		c := open(t, o)
		must(t, c.Pin(Key(secret)))
		must(t, c.Close())
	}
	o.Secrets = [][]byte{[]byte("new"), []byte("old")}
	c := open(t, o)
	put(t, c, "k", content(1, 10))
	for _, k := range []Key{"k", "new", "later"} {
		must(t, c.Pin(k))
	}
	r, err := c.Purge(context.Background(), func(Key, []byte, time.Time) bool { return false })
	if err != nil || r.Pins != 5 {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = c.PurgeAll(context.Background(), everything)
	if err != nil || !r.Proven || r.Pins != 0 || len(pinFiles(t, o.Dir)) != 0 {
		t.Errorf("%+v, %v, %v", r, err, pinFiles(t, o.Dir))
	}
	put(t, c, "later", content(1, 10))
	if c.Stats().Pinned != 0 {
		t.Error("a pin is left in memory")
	}
	checkCounts(t, c)
}

// TestPurgeAllPastAPinThatStays checks that a pin which can't be removed is an
// error, but all else is erased.
func TestPurgeAllPastAPinThatStays(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	put(t, c, "k", content(1, 10))
	must(t, c.Pin("goes"))
	stays := filepath.Join(o.Dir, c.secrets[0].Dir(), directory.PinDir, c.secrets[0].Name("stays").String())
	must(t, os.MkdirAll(filepath.Join(stays, "full"), 0o700))
	r, err := c.PurgeAll(context.Background(), everything)
	if err == nil || r.Proven || r.Pins != 1 || len(r.Erased) != 1 || len(pinFiles(t, o.Dir)) != 1 {
		t.Errorf("%+v, %v, %v", r, err, pinFiles(t, o.Dir))
	}
	must(t, os.RemoveAll(stays))
	if r, err := c.PurgeAll(context.Background(), everything); err != nil || !r.Proven || r.Pins != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
