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
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache/age"
	"veriffs/cache/seal"
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
			want[c.secrets[0].Name(k).String()] = true
		}
	}
	must(t, c.Pin("media/1"))
	reader, ok := c.Get("media/4")
	if !ok {
		t.Fatal("miss")
	}
	defer reader.Close()
	// One that can't be read might have been a match.
	must(t, os.Truncate(filepath.Join(o.Dir, c.secrets[0].Path(c.secrets[0].Name("media/2"))), seal.HeaderSize+1))
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
	if c.Pinned("media/1") {
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
	if len(files(t, o.Dir)) != 0 || c.Pinned("k") {
		t.Error("something is left")
	}
}

// TestMaxAge has objects expire: they are misses from that second on, and are soon
// removed without anybody asking, even if they expired while nothing ran.
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

// TestSuspend has the clock go on while timers stand still, as in suspend:
// objects past their age are misses, and are soon removed.
func TestSuspend(t *testing.T) {
	o := testOptions(t)
	o.MaxAge = 30 * 24 * time.Hour
	var asleep atomic.Int64
	o.Now = func() time.Time { return time.Now().Add(time.Duration(asleep.Load())) }
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(o)
		must(t, err)
		defer c.Close()
		put(t, c, "asked", content(1, 10))
		put(t, c, "forgotten", content(1, 10))
		synctest.Wait()
		asleep.Store(int64(o.MaxAge))
		wantMiss(t, c, "asked")
		time.Sleep(sweepLatest)
		synctest.Wait()
		if got := files(t, o.Dir); len(got) != 0 {
			t.Errorf("on disk: %v", got)
		}
	})
}

// TestStoredIsWallTime checks that ages computed from Stored go on in suspend.
func TestStoredIsWallTime(t *testing.T) {
	c := open(t, testOptions(t))
	w, err := c.Create("k", 0)
	must(t, err)
	o, err := w.Commit(nil)
	must(t, err)
	defer o.Close()
	if o.Stored() != o.Stored().Round(0) {
		t.Errorf("%v has a reading of the monotonic clock", o.Stored())
	}
}

// TestFutureStamps stores objects by a clock that is ahead. If there is an age
// limit they are misses and are erased; otherwise nothing is ever too old.
func TestFutureStamps(t *testing.T) {
	for _, most := range []time.Duration{0, 24 * time.Hour} {
		o := testOptions(t)
		clock := newClock()
		o.MaxAge, o.Now = most, clock.now
		c := open(t, o)
		must(t, os.Chtimes(filepath.Join(o.Dir, "format"), clock.now(), clock.now()))
		must(t, c.Close())
		c = open(t, o)
		clock.advance(int64(age.ClockStep / time.Second))
		put(t, c, "a little", content(1, 10))
		clock.advance(3600)
		put(t, c, "asked", content(2, 10))
		put(t, c, "forgotten", content(3, 10))
		clock.advance(-3600 - int64(age.ClockStep/time.Second))
		wantHit(t, c, "a little", content(1, 10))
		if most == 0 {
			wantHit(t, c, "asked", content(2, 10))
			continue
		}
		wantMiss(t, c, "asked")
		if _, err := c.upkeep.sweepExpired(new(ageing)); err != nil {
			t.Error(err)
		}
		if got := files(t, o.Dir); len(got) != 1 {
			t.Errorf("on disk: %v", got)
		}
		checkCounts(t, c)
	}
}

// TestClockBeforeTheCache starts in 1970 and sets the clock later: all objects
// are misses meanwhile, and none is lost.
func TestClockBeforeTheCache(t *testing.T) {
	o := testOptions(t)
	var now atomic.Int64
	now.Store(time.Now().Unix())
	o.MaxAge, o.Now = 24*time.Hour, func() time.Time { return time.Unix(now.Load(), 0) }
	c := open(t, o)
	put(t, c, "k", content(1, 10))
	must(t, c.Close())
	today := now.Swap(0)
	c = open(t, o)
	waitLoaded(t, c)
	if _, err := c.upkeep.sweepExpired(new(ageing)); err != nil {
		t.Error(err)
	}
	wantMiss(t, c, "k")
	now.Store(today + 60)
	wantHit(t, c, "k", content(1, 10))
	checkCounts(t, c)
}

// TestUsedInTheFuture checks that an object used by a clock that was ahead is
// evicted first.
func TestUsedInTheFuture(t *testing.T) {
	o := testOptions(t)
	o.Limit = 3 << 20
	clock := newClock()
	o.Now = clock.now
	c := open(t, o)
	put(t, c, "now", content(1, 1<<20))
	clock.advance(100 * 365 * 24 * 3600)
	put(t, c, "in 100 years", content(2, 1<<20))
	clock.advance(-100 * 365 * 24 * 3600)
	must(t, c.Close())
	c = open(t, o)
	put(t, c, "more", content(3, 1<<20))
	wantHit(t, c, "now", content(1, 1<<20))
	wantMiss(t, c, "in 100 years")
}

// TestAgeIsSealed changes a file's time, which must not make the object younger.
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
