package cache

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache/health"
)

// TestReplacedDirectory has somebody remove the directory of a cache in use.
// What is open or being written ends well and leaves no trace in the next one.
func TestReplacedDirectory(t *testing.T) {
	o := testOptions(t)
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(o)
		must(t, err)
		defer c.Close()
		want := content(1, 600<<10)
		put(t, c, "k", want)
		put(t, c, "damaged", want)
		var open []*Object
		for _, k := range []Key{"k", "damaged"} {
			obj, ok := c.Get(k)
			if !ok {
				t.Fatal("miss")
			}
			open = append(open, obj)
		}
		w, err := c.Create("w", -1)
		must(t, err)
		_, err = w.Write(want[:400<<10])
		must(t, err)

		must(t, os.Truncate(files(t, o.Dir)[0], 5000)) // of one or the other
		must(t, os.RemoveAll(o.Dir))
		serve(t, c, "during", want)
		if !c.Stats().Bypassed {
			t.Error("not bypassed")
		}
		time.Sleep(health.LastPause)
		put(t, c, "k", want)

		_, err = w.Write(want[400<<10:])
		must(t, err)
		obj, err := w.Commit(nil)
		must(t, err)
		got, err := io.ReadAll(io.NewSectionReader(obj, 0, obj.Size()))
		if err != nil || !bytes.Equal(got, want) {
			t.Error(err)
		}
		damaged := 0
		for _, obj := range open {
			if obj.Verify() != nil {
				damaged++
			}
			must(t, obj.Close())
		}
		must(t, obj.Close())
		if s := c.Stats(); s.Bypassed || s.Damaged != 0 || s.Objects != 1 || damaged != 1 {
			t.Errorf("%+v, %d damaged", s, damaged)
		}
		wantHit(t, c, "k", want)
		wantMiss(t, c, "w")
		checkCounts(t, c)
	})
}

// panicking is a backing with a bug.
type panicking struct{ backing }

func (panicking) WriteAt([]byte, int64) (int, error) { panic("a bug") }

// TestPanics checks that a panic ends the work that it is in, and nothing else.
func TestPanics(t *testing.T) {
	var log logLines
	o := testOptions(t)
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	c := open(t, o)
	for _, size := range []int{100, 2 << 20} { // in the caller's goroutine, and in one of the writer's
		w, err := c.Create("k", int64(size))
		must(t, err)
		w.sink.dst = panicking{w.sink.dst}
		_, err = w.Write(content(1, size))
		if err == nil {
			_, err = w.Commit(nil)
		}
		if err == nil || !strings.Contains(err.Error(), "a bug") {
			t.Errorf("error %v", err)
		}
		w.Abort()
	}
	wantMiss(t, c, "k")
	c.spawn("nothing", func() { panic("a bug") })
	put(t, c, "k", content(1, 100))
	wantHit(t, c, "k", content(1, 100))
	checkCounts(t, c)
	must(t, c.Close())
	if log.count("background work ended") != 1 {
		t.Errorf("%q", log.all)
	}
}
