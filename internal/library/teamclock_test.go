package library_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"veriffs/internal/bucket"
	"veriffs/internal/library"
)

// clocked is a bucket whose clock is ahead.
type clocked struct {
	bucket.Bucket
	by time.Duration
}

func (c clocked) Stat(ctx context.Context, name string) (bucket.Info, error) {
	o, err := c.Bucket.Stat(ctx, name)
	o.Modified = o.Modified.Add(c.by)
	return o, err
}

// TestCollectByAWrongClock: while this machine's clock and the store's differ nothing is
// removed for its age.
func TestCollectByAWrongClock(t *testing.T) {
	one, two, _ := newPair(t)
	before := len(one.sharedFiles())
	for _, test := range []struct {
		ours, theirs time.Duration
		refused      bool
	}{
		{365 * 24 * time.Hour, 0, true}, {0, -time.Hour, true}, {0, 20 * time.Minute, true},
		{365 * 24 * time.Hour, 365*24*time.Hour - 5*time.Minute, false},
	} {
		two.now = func() time.Time { return time.Now().Add(test.ours).Round(0) }
		two.wrap = func(b bucket.Bucket) bucket.Bucket { return clocked{b, test.theirs} }
		two.restart()
		if c, err := two.lib.TeamCollect(t.Context(), 30*24*time.Hour, true); err != nil || int(c.Objects) != before && test.ours > 0 {
			t.Errorf("a dry run: %+v, %v", c, err)
		}
		c, err := two.lib.TeamCollect(t.Context(), 30*24*time.Hour, false)
		if errors.Is(err, library.ErrClock) != test.refused || (c.Objects == 0) != test.refused || !test.refused && err != nil {
			t.Errorf("ours %v, theirs %v: %+v, %v", test.ours, test.theirs, c, err)
		}
		if n := len(one.sharedFiles()); (n == before) != test.refused {
			t.Errorf("ours %v, theirs %v: %d files of %d are left", test.ours, test.theirs, n, before)
		}
	}
	if left, err := filepath.Glob(filepath.Join(one.share, "leases", "*")); err != nil || len(left) != 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// TestPurgeByAWrongClock: a clock that is wrong ends no hold of another member.
func TestPurgeByAWrongClock(t *testing.T) {
	one, two, id := newPair(t)
	if _, err := one.lib.Hold(t.Context(), library.HoldOptions{Session: id, Reason: "x", Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	one.shared()
	before := len(one.sharedFiles())
	two.now = func() time.Time { return time.Now().AddDate(1, 0, 0).Round(0) }
	two.restart()
	e, err := two.lib.EraseSession(t.Context(), id)
	if err != nil || e.Proven || e.Team.Proven || !strings.Contains(e.Team.Error, library.ErrClock.Error()) {
		t.Errorf("%+v, %+v, %v", e, e.Team, err)
	}
	if _, err := two.lib.DeleteAtVeriff(t.Context(), id); !errors.Is(err, library.ErrClock) {
		t.Errorf("at Veriff: %v", err)
	}
	if n := len(one.sharedFiles()); n != before || len(one.notices()) != 1 {
		t.Errorf("%d files of %d are left, and %q", n, before, one.notices())
	}
}
