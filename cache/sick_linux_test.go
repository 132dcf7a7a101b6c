package cache

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache/health"
)

// sickness breaks the disk below a cache, and mends it.
type sickness struct {
	hurt, mend func(t *testing.T, fs, dir string)
	lost       bool // what was stored before is gone afterwards
}

var sicknesses = map[string]sickness{
	"full": {
		hurt: func(t *testing.T, fs, dir string) { fillDisk(t, fs) },
		mend: func(t *testing.T, fs, dir string) { must(t, os.Remove(filepath.Join(fs, "hog"))) },
		lost: true, // evicted in the attempt to make room
	},
	"read-only": {
		hurt: func(t *testing.T, fs, dir string) {
			must(t, syscall.Mount("", fs, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=32m"))
		},
		mend: func(t *testing.T, fs, dir string) {
			must(t, syscall.Mount("", fs, "", syscall.MS_REMOUNT, "size=32m"))
		},
	},
	"removed": {
		hurt: func(t *testing.T, fs, dir string) {
			must(t, os.RemoveAll(dir))
			must(t, os.WriteFile(dir, nil, 0o600)) // or it would be made anew at once
		},
		mend: func(t *testing.T, fs, dir string) { must(t, os.Remove(dir)) },
		lost: true,
	},
	"swapped": {
		hurt: func(t *testing.T, fs, dir string) {
			must(t, os.RemoveAll(dir))
			must(t, os.Symlink(t.TempDir(), dir)) // which is not followed
		},
		mend: func(t *testing.T, fs, dir string) { must(t, os.Remove(dir)) },
		lost: true,
	},
}

// TestSickDisk breaks the disk of a cache in use. Every object is served
// meanwhile; the disk is bypassed and comes back by itself, with one log line each.
func TestSickDisk(t *testing.T) {
	for name, s := range sicknesses {
		t.Run(name, func(t *testing.T) {
			fs := filepath.Join(t.TempDir(), "fs")
			mountTmpfs(t, fs, "size=32m,mode=0700")
			var log logLines
			o := testOptions(t)
			o.Dir = filepath.Join(fs, "cache")
			t.Setenv("TMPDIR", t.TempDir())
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			synctest.Test(t, func(t *testing.T) {
				c, err := Open(o)
				must(t, err)
				defer c.Close()
				before := content(1, 2<<20)
				put(t, c, "before", before)

				s.hurt(t, fs, o.Dir)
				for i := range 3 {
					serve(t, c, "during", content(uint64(10+i), 3<<20))
				}
				if got, ok := get(t, c, "before"); ok && !bytes.Equal(got, before) {
					t.Error("wrong bytes")
				}
				if !c.Stats().Bypassed {
					t.Error("the disk is not bypassed")
				}
				if name == "full" {
					s.hurt(t, fs, o.Dir) // the hog takes what eviction freed
				}
				time.Sleep(5 * time.Minute) // of the bubble's clock: many probes fail
				serve(t, c, "during", content(20, 100))
				if !c.Stats().Bypassed || log.count("disk bypassed") != 1 || log.count("in use again") != 0 {
					t.Errorf("%+v, %q", c.Stats(), log.all)
				}

				s.mend(t, fs, o.Dir)
				time.Sleep(2 * health.LastPause)
				if c.Stats().Bypassed || log.count("disk bypassed") != 1 || log.count("in use again") != 1 {
					t.Errorf("%+v, %q", c.Stats(), log.all)
				}
				if got, ok := get(t, c, "before"); ok != !s.lost || ok && !bytes.Equal(got, before) {
					t.Errorf("hit %v", ok)
				}
				put(t, c, "after", content(30, 1<<20))
				wantHit(t, c, "after", content(30, 1<<20))
				checkCounts(t, c)
				if s := c.Stats(); s.Memory != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestFillDuringWrites fills a small file system while objects are being written:
// all of them are served.
func TestFillDuringWrites(t *testing.T) {
	fs := filepath.Join(t.TempDir(), "fs")
	mountTmpfs(t, fs, "size=8m,mode=0700")
	o := testOptions(t)
	o.Dir, o.Limit = filepath.Join(fs, "cache"), 1<<30 // more than there is
	c := open(t, o)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for j := range 8 {
				serve(t, c, Key([]byte{'k', byte('0' + i), byte('0' + j)}), content(uint64(i*10+j), 700<<10))
			}
		})
	}
	wg.Wait()
	if n := du(t, o.Dir); n > 8<<20 {
		t.Errorf("%d bytes", n)
	}
}

// TestLostFile has the disk lose what it took: the writer fails, publishes nothing
// and leaves nothing.
func TestLostFile(t *testing.T) {
	c := open(t, testOptions(t))
	w, err := c.Create("k", 1<<20)
	must(t, err)
	_, err = w.Write(content(1, 600<<10))
	must(t, err)
	must(t, w.sink.finish())
	must(t, w.sink.dst.Close()) // what is written now fails, and reading it back too
	_, err = w.Write(content(1, 200<<10))
	for err == nil && !w.ended {
		_, err = w.Commit(nil)
	}
	if err == nil || !strings.Contains(err.Error(), "failing disk") {
		t.Errorf("error %v", err)
	}
	w.Abort()
	wantMiss(t, c, "k")
	serve(t, c, "k", content(1, 200<<10))
	checkCounts(t, c)
}

// TestFailingRead has reads of an open object fail: it is damaged and removed.
func TestFailingRead(t *testing.T) {
	c := open(t, testOptions(t))
	put(t, c, "k", content(1, 100<<10))
	o, ok := c.Get("k")
	if !ok {
		t.Fatal("miss")
	}
	must(t, o.src.Close())
	if _, err := o.ReadAt(make([]byte, 10), 0); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v", err)
	}
	wantMiss(t, c, "k")
}
