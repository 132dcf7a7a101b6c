package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestRotation adds a secret in front, and later drops the old one.
func TestRotation(t *testing.T) {
	o := testOptions(t)
	old, fresh := []byte("the old secret"), []byte("the new secret")
	o.Secrets = [][]byte{old}
	c := open(t, o)
	for i := range 6 {
		put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 1000))
	}
	must(t, c.Pin("0"))
	must(t, c.Close())

	o.Secrets = [][]byte{fresh, old}
	c = open(t, o)
	for i := range 6 {
		wantHit(t, c, Key(fmt.Sprint(i)), content(uint64(i), 1000))
	}
	for i := range 3 { // fetched again: sealed with the new one, in place of the old
		put(t, c, Key(fmt.Sprint(i)), content(uint64(i+10), 1000))
		wantHit(t, c, Key(fmt.Sprint(i)), content(uint64(i+10), 1000))
	}
	if n := len(files(t, o.Dir)); n != 6 {
		t.Errorf("%d files for 6 objects", n)
	}
	if s := c.Stats(); s.Pinned != 1 {
		t.Errorf("the pin was lost: %+v", s)
	}
	must(t, c.Remove("3"))
	wantMiss(t, c, "3")
	checkCounts(t, c)
	must(t, c.Close())

	o.Secrets = [][]byte{fresh}
	c = open(t, o)
	waitLoaded(t, c)
	for i := range 3 {
		wantHit(t, c, Key(fmt.Sprint(i)), content(uint64(i+10), 1000))
	}
	wantMiss(t, c, "4")
	if n := len(files(t, o.Dir)); n != 3 {
		t.Errorf("%d files, the old secret's were not swept", n)
	}
	checkCounts(t, c)
}

// TestEphemeral leaves nothing after Close, and after a crash nothing that can
// be read, until the next start removes it.
func TestEphemeral(t *testing.T) {
	o := testOptions(t)
	put0 := func(c *Cache) {
		put(t, c, "k", content(1, 1000))
		wantHit(t, c, "k", content(1, 1000))
	}
	c := open(t, o) // with its secret
	put0(c)
	must(t, c.Close())
	o.Ephemeral = true
	c = open(t, o)
	waitLoaded(t, c)
	if n := len(files(t, o.Dir)); n != 0 {
		t.Errorf("%d files that nothing can read any more", n)
	}
	wantMiss(t, c, "k")
	put0(c)
	obj, _ := c.Get("k")
	must(t, c.Close())
	if n := len(files(t, o.Dir)); n != 0 {
		t.Errorf("%d files after Close", n)
	}
	if _, err := obj.ReadAt(make([]byte, 10), 0); err != nil {
		t.Errorf("an open object after Close: %v", err)
	}
	must(t, obj.Close())

	c = open(t, o)
	put0(c)
	crash(c)
	left := files(t, o.Dir)
	if len(left) != 1 {
		t.Fatal(left)
	}
	c = open(t, o)
	waitLoaded(t, c)
	wantMiss(t, c, "k")
	if _, err := os.Stat(left[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left after the next start: %v", err)
	}
	checkCounts(t, c)
}

// TestSweepLeavesTheRest: only what this package made is removed.
func TestSweepLeavesTheRest(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	must(t, c.Close())
	keep := []string{"notes", "0123456789ABCDEF", "0123456789abcde", "deadbeef"}
	for _, k := range keep {
		must(t, os.Mkdir(filepath.Join(o.Dir, k), 0o700))
	}
	c = open(t, o)
	waitLoaded(t, c)
	for _, k := range keep {
		if _, err := os.Stat(filepath.Join(o.Dir, k)); err != nil {
			t.Error(err)
		}
	}
}
