package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPurge erases by label, reports by hash, and leaves the rest.
func TestPurge(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	want := map[string]bool{}
	for i := range 30 {
		k := Key(fmt.Sprint("media/", i))
		w, err := c.Create(k, -1)
		must(t, err)
		_, err = w.Write(content(uint64(i), 1000*i))
		must(t, err)
		obj, err := w.Commit([]byte(fmt.Sprint("session ", i%3)))
		must(t, err)
		obj.Close()
		if i%3 == 1 {
			want[c.secrets[0].name(k).String()] = true
		}
	}
	must(t, c.Pin("media/1"))
	reader, ok := c.Get("media/4")
	if !ok {
		t.Fatal("miss")
	}
	defer reader.Close()
	// One that can't be read might have been a match.
	must(t, os.Truncate(filepath.Join(o.Dir, c.secrets[0].path(c.secrets[0].name("media/2"))), headerSize+1))
	r, err := c.Purge(context.Background(), func(_ Key, label []byte, _ time.Time) bool {
		return string(label) == "session 1"
	})
	must(t, err)
	if len(r.Erased) != len(want) || r.Remaining != 0 || r.Damaged != 1 || r.Open != 1 || r.Scans != 2 || r.Examined != 29+19 {
		t.Errorf("%+v", r)
	}
	var sum int64
	for _, e := range r.Erased {
		if !want[e.Hash] {
			t.Errorf("%s was not to be erased", e.Hash)
		}
		sum += e.Bytes
	}
	if r.Bytes != sum || r.Finished.Before(r.Started) {
		t.Errorf("%+v", r)
	}
	b, err := json.Marshal(r)
	must(t, err)
	if strings.Contains(string(b), "media") {
		t.Errorf("the report names objects: %s", b)
	}
	if got := len(files(t, o.Dir)); got != 19 {
		t.Errorf("%d files", got)
	}
	if c.pinned("media/1") {
		t.Error("the pin of an erased object is left")
	}
	// The reader that was there goes on.
	p := make([]byte, 4000)
	if _, err := reader.ReadAt(p, 0); err != nil || !bytes.Equal(p, content(4, 4000)) {
		t.Error(err)
	}
	checkCounts(t, c)
}

// TestPurgeSeesWhatTheIndexDoesNot purges before the index is loaded.
func TestPurgeSeesWhatTheIndexDoesNot(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	for i := range 10 {
		put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 10))
	}
	c.Close()
	c = open(t, o)
	r, err := c.Purge(context.Background(), func(Key, []byte, time.Time) bool { return true })
	if err != nil || len(r.Erased) != 10 || len(files(t, o.Dir)) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	checkCounts(t, c)
}

func TestPurgeIsCancelled(t *testing.T) {
	c := open(t, testOptions(t))
	for i := range 10 {
		put(t, c, Key(fmt.Sprint(i)), nil)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	r, err := c.Purge(ctx, func(Key, []byte, time.Time) bool {
		if n++; n == 3 {
			cancel()
		}
		return true
	})
	if !errors.Is(err, context.Canceled) || len(r.Erased) != 3 {
		t.Errorf("%d erased, %v", len(r.Erased), err)
	}
}

func TestRemove(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	put(t, c, "k", content(1, 10))
	must(t, c.Pin("k"))
	must(t, c.Remove("k"))
	must(t, c.Remove("k"))
	must(t, c.Remove("never there"))
	wantMiss(t, c, "k")
	if len(files(t, o.Dir)) != 0 || c.pinned("k") {
		t.Error("something is left")
	}
}

// TestMaxAge has an object expire: not to be had from that second on, and soon
// off the disk without anybody asking; also when it expired while nothing ran.
func TestMaxAge(t *testing.T) {
	o := testOptions(t)
	o.MaxAge = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(o)
		must(t, err)
		put(t, c, "asked", content(1, 10))
		put(t, c, "forgotten", content(1, 10))
		must(t, c.Pin("forgotten")) // which age ends
		time.Sleep(o.MaxAge - time.Second)
		wantHit(t, c, "asked", content(1, 10))
		put(t, c, "young", content(2, 10))
		time.Sleep(time.Second)
		wantMiss(t, c, "asked")
		time.Sleep(sweepLatest)
		synctest.Wait()
		if got := files(t, o.Dir); len(got) != 1 {
			t.Errorf("on disk: %v", got)
		}
		wantHit(t, c, "young", content(2, 10))
		checkCounts(t, c)
		must(t, c.Close())
		time.Sleep(o.MaxAge)
		c, err = Open(o)
		must(t, err)
		synctest.Wait()
		if got := files(t, o.Dir); len(got) != 0 {
			t.Errorf("on disk: %v", got)
		}
		must(t, c.Close())
	})
}

// TestAgeIsSealed has a file's time changed, which must not make it younger.
func TestAgeIsSealed(t *testing.T) {
	o := testOptions(t)
	o.MaxAge = time.Hour
	clock := newClock()
	o.Now = clock.now
	c := open(t, o)
	put(t, c, "k", nil)
	clock.advance(3601)
	must(t, os.Chtimes(files(t, o.Dir)[0], clock.now(), clock.now()))
	wantMiss(t, c, "k")
	if got := files(t, o.Dir); len(got) != 0 {
		t.Errorf("on disk: %v", got)
	}
}

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

// TestPinsFillTheCache: then others are served without it.
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
