package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache/directory"
)

func holdOf(id Key, keys ...Key) Hold {
	return Hold{ID: id, Keys: keys, Text: []byte("because of " + id)}
}

// holdFiles lists the records of holds below a cache's directory.
func holdFiles(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "????????????????", directory.HoldDir, "*"))
	must(t, err)
	return list
}

// TestHoldSurvivesEviction keeps what is held while others come and go, across a
// crash, and lets it go after the release.
func TestHoldSurvivesEviction(t *testing.T) {
	o := testOptions(t)
	o.Limit = 4 << 20
	c := open(t, o)
	held := content(1, 500<<10)
	put(t, c, "there", held)
	must(t, c.Holds().Put(holdOf("h", "there", "to come")))
	put(t, c, "to come", held)
	churn := func() {
		for i := range 20 {
			put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 400<<10))
		}
		checkCounts(t, c)
	}
	churn()
	crash(c)
	c = open(t, o)
	churn()
	wantHit(t, c, "there", held)
	wantHit(t, c, "to come", held)
	all, err := c.Holds().All()
	if err != nil || len(all) != 1 || all[0].ID != "h" || string(all[0].Text) != "because of h" || len(all[0].Keys) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	must(t, c.Holds().Release("h"))
	churn()
	wantMiss(t, c, "there")
	must(t, c.Close())
	c = open(t, o)
	if all, err := c.Holds().All(); err != nil || len(all) != 0 || len(holdFiles(t, o.Dir)) != 0 {
		t.Errorf("after the release: %+v, %v", all, err)
	}
}

// TestHoldOfPinned: a hold and a pin of one object end each for itself.
func TestHoldOfPinned(t *testing.T) {
	c := open(t, testOptions(t))
	put(t, c, "k", content(1, 10))
	must(t, c.Pin("k"))
	must(t, c.Holds().Put(holdOf("h", "k")))
	checkCounts(t, c)
	must(t, c.Holds().Release("h"))
	checkCounts(t, c)
	if !c.Pinned("k") {
		t.Error("the release took the pin away")
	}
	must(t, c.Holds().Put(holdOf("h", "k")))
	must(t, c.Unpin("k"))
	checkCounts(t, c)
	if c.Pinned("k") || !errors.Is(c.Remove("k"), ErrHeld) {
		t.Error("unpinning ended the hold")
	}
}

// TestHoldSurvivesErasure: no erasure takes what is held, and each counts it.
func TestHoldSurvivesErasure(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	put(t, c, "held", content(1, 10))
	must(t, c.Holds().Put(holdOf("h", "held")))
	for _, all := range []bool{false, true} {
		put(t, c, "other", content(2, 10))
		r, err := c.purge(context.Background(), everything, all)
		if err != nil || len(r.Erased) != 1 || r.Held != 1 || r.Remaining != 0 || !r.Proven {
			t.Errorf("all %v: %+v, %v", all, r, err)
		}
	}
	if err := c.Remove("held"); !errors.Is(err, ErrHeld) {
		t.Error("Remove:", err)
	}
	wantHit(t, c, "held", content(1, 10))
	must(t, c.Holds().Release("h"))
	if r, err := c.PurgeAll(context.Background(), everything); err != nil || len(r.Erased) != 1 || r.Held != 0 || !r.Proven {
		t.Errorf("after the release: %+v, %v", r, err)
	}
}

// TestHoldSurvivesAge: what is held can be had at any age, and is erased for its
// age as soon as it is released.
func TestHoldSurvivesAge(t *testing.T) {
	o := testOptions(t)
	o.MaxAge = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		c := open(t, o)
		put(t, c, "held", content(1, 10))
		put(t, c, "other", content(2, 10))
		must(t, c.Holds().Put(holdOf("h", "held")))
		time.Sleep(3 * o.MaxAge)
		synctest.Wait()
		if n := len(files(t, o.Dir)); n != 1 {
			t.Errorf("%d objects left, not the held one alone", n)
		}
		wantHit(t, c, "held", content(1, 10))
		must(t, c.Holds().Release("h"))
		synctest.Wait()
		if n := len(files(t, o.Dir)); n != 0 {
			t.Errorf("%d objects left after the release", n)
		}
		must(t, c.Close())
	})
}

// TestHoldSurvivesRotation: what an old secret sealed is held under both, and is
// not swept when the old one is configured no more.
func TestHoldSurvivesRotation(t *testing.T) {
	o := testOptions(t)
	old := o.Secrets[0]
	c := open(t, o)
	put(t, c, "k", content(1, 10))
	must(t, c.Close())
	// Recorded while both secrets are configured, so under both.
	o.Secrets = [][]byte{[]byte("the new secret"), old}
	c = open(t, o)
	must(t, c.Holds().Put(holdOf("h", "k")))
	must(t, c.Close())

	lines := new(logLines)
	o.Secrets, o.Logger = o.Secrets[:1], slog.New(slog.NewTextHandler(lines, nil))
	c = open(t, o)
	sweep(t, c)
	if n, err := c.Holds().Foreign(); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if lines.count("has sealed a hold") == 0 {
		t.Errorf("log: %q", lines.all)
	}
	if all, err := c.Holds().All(); len(all) != 1 || err != nil {
		t.Errorf("%+v, %v", all, err)
	}
	r, err := c.PurgeAll(context.Background(), everything)
	if err != nil || r.Unreadable == 0 || r.Proven {
		t.Errorf("%+v, %v", r, err)
	}
	must(t, c.Close())

	o.Secrets = [][]byte{[]byte("the new secret"), old}
	c = open(t, o)
	wantHit(t, c, "k", content(1, 10))
	must(t, c.Holds().Release("h"))
	must(t, c.Close())
	o.Secrets = o.Secrets[:1]
	c = open(t, o)
	sweep(t, c)
	if left := files(t, o.Dir); len(left) != 0 {
		t.Errorf("left after the release: %v", left)
	}
}

// TestRenewedHoldNeedsNoOldSecret: what is held and was sealed anew survives when the
// old secret is configured no more, and what that one had sealed is swept.
func TestRenewedHoldNeedsNoOldSecret(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	put(t, c, "k", content(1, 100_000))
	put(t, c, "other", content(2, 10))
	must(t, c.Holds().Put(holdOf("h", "k", "to come")))
	was, _ := c.Get("k")
	stored := was.Stored()
	was.Close()
	must(t, c.Close())
	o.Secrets = [][]byte{[]byte("the new secret"), o.Secrets[0]}
	c = open(t, o)
	waitLoaded(t, c)
	must(t, c.Holds().Renew(t.Context(), "h"))
	checkCounts(t, c)
	must(t, c.Close())
	o.Secrets = o.Secrets[:1]
	c = open(t, o)
	if n, err := c.Holds().Foreign(); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	sweep(t, c)
	if left := files(t, o.Dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	wantHit(t, c, "k", content(1, 100_000))
	is, _ := c.Get("k")
	defer is.Close()
	if !is.Stored().Equal(stored) {
		t.Errorf("stored %v, not %v", is.Stored(), stored)
	}
	if all, err := c.Holds().All(); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestDamagedHold: one damaged copy of a record does no harm. If both are, nothing
// goes, whosever it is, until the hold is made again or given up.
func TestDamagedHold(t *testing.T) {
	o := testOptions(t)
	o.Limit, o.MaxAge = 4<<20, time.Hour
	clock := newClock()
	o.Now = clock.now
	damaged := func(t *testing.T, copies int) *Cache {
		o := o
		o.Dir = filepath.Join(t.TempDir(), "cache")
		c := open(t, o)
		put(t, c, "held", content(1, 10))
		put(t, c, "other", content(2, 10))
		must(t, c.Holds().Put(holdOf("h", "held")))
		must(t, c.Close())
		records := holdFiles(t, o.Dir)
		if len(records) != 2 {
			t.Fatalf("records: %v", records)
		}
		for _, path := range records[:copies] {
			b, err := os.ReadFile(path)
			must(t, err)
			b[len(b)-1] ^= 1
			must(t, os.WriteFile(path, b, 0o600))
		}
		c = open(t, o)
		waitLoaded(t, c)
		return c
	}
	t.Run("one copy", func(t *testing.T) {
		c := damaged(t, 1)
		if all, err := c.Holds().All(); err != nil || len(all) != 1 {
			t.Errorf("%+v, %v", all, err)
		}
		must(t, c.Remove("other"))
	})
	t.Run("both", func(t *testing.T) {
		c := damaged(t, 2)
		var unreadable *HoldsError
		if all, err := c.Holds().All(); len(all) != 0 || !errors.As(err, &unreadable) || len(unreadable.Files) != 2 {
			t.Errorf("%+v, %v", all, err)
		}
		clock.advance(3 * 3600)
		for i := range 20 {
			put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 400<<10))
		}
		if err := c.Remove("other"); !errors.Is(err, ErrHeld) {
			t.Error("Remove:", err)
		}
		if r, err := c.PurgeAll(context.Background(), everything); err != nil || len(r.Erased) != 0 || r.Held < 2 {
			t.Errorf("%+v, %v", r, err)
		}
		wantHit(t, c, "held", content(1, 10))
		wantHit(t, c, "other", content(2, 10))
		must(t, c.Holds().ReleaseUnreadable())
		if _, err := c.Holds().All(); err != nil {
			t.Error(err)
		}
		wantMiss(t, c, "held") // too old
	})
	t.Run("made again", func(t *testing.T) {
		c := damaged(t, 2)
		must(t, c.Holds().Put(holdOf("h", "held")))
		if all, err := c.Holds().All(); err != nil || len(all) != 1 {
			t.Errorf("%+v, %v", all, err)
		}
		must(t, c.Remove("other"))
	})
}

// TestEphemeralHolds: an ephemeral cache, which is erased at its end, refuses.
func TestEphemeralHolds(t *testing.T) {
	o := testOptions(t)
	o.Ephemeral, o.Secrets = true, nil
	c := open(t, o)
	if err := c.Holds().Put(holdOf("h", "k")); !errors.Is(err, ErrEphemeral) {
		t.Error(err)
	}
}

// TestFormatOfHolds: once there was a hold, programs that know nothing of holds
// refuse the directory.
func TestFormatOfHolds(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	format := func() string {
		b, err := os.ReadFile(filepath.Join(o.Dir, "format"))
		must(t, err)
		return string(b)
	}
	if got := format(); got != "veriffs cache 1\n" {
		t.Errorf("before: %q", got)
	}
	must(t, c.Holds().Put(holdOf("h", "k")))
	must(t, c.Close())
	open(t, o)
	if got := format(); got != "veriffs cache 2\n" {
		t.Errorf("after: %q", got)
	}
	must(t, c.Close())
	o.Ephemeral, o.Secrets = true, nil
	if _, err := Open(o); !errors.Is(err, directory.ErrKind) {
		t.Errorf("an ephemeral cache in the same directory: %v", err)
	}
}

// TestHeldSurvivesABadDisk: a read that fails does not delete what is held, for
// the disk may be well another time.
func TestHeldSurvivesABadDisk(t *testing.T) {
	c := open(t, testOptions(t))
	for _, k := range []Key{"held", "other"} {
		put(t, c, k, content(1, 10))
	}
	must(t, c.Holds().Put(holdOf("h", "held")))
	for _, k := range []Key{"held", "other"} {
		o, ok := c.Get(k)
		if !ok {
			t.Fatal("a miss")
		}
		if err := o.fail(errors.New("input/output error")); !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
		o.Close()
	}
	wantHit(t, c, "held", content(1, 10))
	wantMiss(t, c, "other")
}
