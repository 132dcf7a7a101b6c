package cache

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
)

// TestFullDiskAtStart makes a new cache on a disk without free inodes or blocks
// and checks that the hint says so. An existing cache opens all the same.
func TestFullDiskAtStart(t *testing.T) {
	for _, inodes := range []string{"nr_inodes=3", "nr_inodes=2", "nr_inodes=1", "nr_inodes=100"} {
		disk := filepath.Join(t.TempDir(), "fs")
		mountTmpfs(t, disk, "size=1m,mode=0700,"+inodes)
		o := testOptions(t)
		o.Dir = filepath.Join(disk, "made-before")
		full := inodes == "nr_inodes=100" // of bytes, and not of files
		if full {
			must(t, open(t, o).Close())
			fillDisk(t, disk)
			c := open(t, o)
			serve(t, c, "k", content(1, 100<<10))
		}
		o.Dir = filepath.Join(disk, "new", "cache")
		c, err := Open(o)
		if err == nil {
			c.Close()
		}
		var refused *OpenError
		if !errors.As(err, &refused) || !directory.OutOfSpace(err) || !strings.Contains(refused.Hint, "free some space") {
			t.Errorf("%s: %v", inodes, err)
		}
	}
}

// TestOptions checks that senseless options are refused.
func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no limit":       func(o *Options) { o.Limit = 0 },
		"negative limit": func(o *Options) { o.Limit = -1 },
		"all free":       func(o *Options) { o.MinFree = 1 },
		"no secret":      func(o *Options) { o.Secrets = nil },
		"empty secret":   func(o *Options) { o.Secrets = [][]byte{{}} },
	} {
		o := testOptions(t)
		change(&o)
		if c, err := Open(o); err == nil {
			c.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestLimits tries keys and labels at and just beyond their greatest length.
func TestLimits(t *testing.T) {
	c := open(t, testOptions(t))
	for _, k := range []Key{"", Key(strings.Repeat("k", seal.MaxKey+1))} {
		if _, err := c.Create(k, 0); err == nil {
			t.Errorf("a key of %d bytes was accepted", len(k))
		}
		if _, ok := c.Get(k); ok {
			t.Error("hit")
		}
	}
	key := Key(strings.Repeat("k", seal.MaxKey))
	for _, n := range []int{seal.MaxLabel, seal.MaxLabel + 1} {
		w, err := c.Create(key, 0)
		must(t, err)
		label := strings.Repeat("l", n)
		o, err := w.Commit([]byte(label))
		if (err == nil) != (n <= seal.MaxLabel) {
			t.Fatalf("label of %d bytes: %v", n, err)
		}
		if err == nil {
			o.Close()
			o, ok := c.Get(key)
			if !ok || string(o.Label()) != label {
				t.Error("the longest label is not kept")
			}
			o.Close()
		}
	}
	checkCounts(t, c)
}
