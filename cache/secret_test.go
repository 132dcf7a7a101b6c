package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"veriffs/cache/directory"
)

// TestRotation adds a secret in front of the old one and later drops the old one,
// whose objects are removed once the new one is proven.
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
	if s := c.Stats(); s.Foreign != 2 {
		t.Errorf("%+v", s)
	}
	sweep(t, c)
	if n := len(files(t, o.Dir)); n != 3 {
		t.Errorf("%d files, the old secret's were not swept", n)
	}
	checkCounts(t, c)
}

// TestSecretGivenTwice checks that a secret that is given twice counts once.
func TestSecretGivenTwice(t *testing.T) {
	c, o := rotated(t)
	must(t, c.Close())
	o.Secrets = append(o.Secrets, o.Secrets[0])
	c = open(t, o)
	checkCounts(t, c)
	sweep(t, c)
	if n := len(files(t, o.Dir)); n != 4 {
		t.Errorf("%d files are left", n)
	}
	checkCounts(t, c)
}

// TestEphemeral checks that Close leaves nothing, and a crash nothing that can be
// read, which the next start removes.
func TestEphemeral(t *testing.T) {
	o := testOptions(t)
	put0 := func(c *Cache) {
		put(t, c, "k", content(1, 1000))
		wantHit(t, c, "k", content(1, 1000))
	}
	o.Ephemeral = true
	c := open(t, o)
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

// TestKindsOfKey checks that an ephemeral cache refuses the directory of one with
// a secret, which it would erase, and the other way round.
func TestKindsOfKey(t *testing.T) {
	for _, ephemeral := range []bool{false, true} {
		o := testOptions(t)
		o.Ephemeral = ephemeral
		c := open(t, o)
		put(t, c, "k", content(1, 1000))
		crash(c)
		before := tree(t, o.Dir)
		o.Ephemeral = !ephemeral
		c, err := Open(o)
		if err == nil {
			c.Close()
		}
		var refused *OpenError
		if !errors.Is(err, directory.ErrKind) || !errors.As(err, &refused) || refused.Hint == "" {
			t.Errorf("ephemeral %v: %v", o.Ephemeral, err)
		}
		if after := tree(t, o.Dir); after != before {
			t.Errorf("changed from\n%s\nto\n%s", before, after)
		}
	}
}

// TestSweepLeavesTheRest checks that only what the cache made is removed.
func TestSweepLeavesTheRest(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	must(t, c.Close())
	keep := []string{"notes", "0123456789ABCDEF", "0123456789abcde", "deadbeef"}
	for _, k := range keep {
		must(t, os.Mkdir(filepath.Join(o.Dir, k), 0o700))
	}
	c = open(t, o)
	sweep(t, c)
	for _, k := range keep {
		if _, err := os.Stat(filepath.Join(o.Dir, k)); err != nil {
			t.Error(err)
		}
	}
}
