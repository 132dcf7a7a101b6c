package library_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/internal/bucket"
	"veriffs/internal/erasure"
	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// notices are the files of a team's store that tell of holds.
func (h *house) notices() []string {
	h.t.Helper()
	all, err := filepath.Glob(filepath.Join(h.share, "holds", "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// teamHolds are the holds of others.
func (h *house) teamHolds() []library.TeamHold {
	h.t.Helper()
	all, err := h.lib.TeamHolds(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// untouched fails unless a purge of the session, a collection and a deletion at Veriff
// are refused, and the store and the cache are as they were.
func (h *house) untouched(id veriff.SessionID, want error) erasure.Evidence {
	h.t.Helper()
	ctx := context.Background()
	before, cached := len(h.sharedFiles()), h.cache.Stats().Objects
	e, err := h.lib.EraseSession(ctx, id)
	if !errors.Is(err, library.ErrHeld) || len(e.Erased) != 0 || h.cache.Stats().Objects != cached {
		h.t.Errorf("a purge: %+v, %v", e, err)
	}
	if _, err := h.lib.DeleteAtVeriff(ctx, id); !errors.Is(err, want) {
		h.t.Errorf("a deletion at Veriff: %v", err)
	}
	if n := len(h.sharedFiles()); n != before {
		h.t.Errorf("%d files of %d are left in the store", n, before)
	}
	return e
}

// TestHoldOfATeam: what a member holds no other one removes from the store, nor has it
// deleted at Veriff; a session is held until the last member has released it.
func TestHoldOfATeam(t *testing.T) {
	ctx := context.Background()
	one, two, id := newPair(t)
	held := one.hold(id)
	if held.Team == nil || !held.Team.Written || held.Complete.IsZero() {
		t.Fatalf("%+v", held)
	}
	one.shared()
	three := newMember(t, one)
	three.lib.Hold(ctx, library.HoldOptions{Session: id, Reason: "letter", By: "cid", Until: time.Now().Add(time.Hour)})
	three.shared()
	if got := one.teamHolds(); len(got) != 1 || got[0].Reason != "letter" {
		t.Errorf("the first sees %+v", got)
	}
	got := two.teamHolds()
	if len(got) != 2 || got[0].Session != id.String() || got[0].ID != id || len(one.notices()) != 2 {
		t.Fatalf("%+v", got)
	}
	two.warm(warming.Options{})
	two.shared()
	e := two.untouched(id, library.ErrHeld)
	if len(e.HeldByTeam) != 2 {
		t.Errorf("%+v", e)
	}
	_, err := two.lib.EraseSession(ctx, id)
	if !strings.Contains(err.Error(), "held by another member of the team since") || !strings.Contains(err.Error(), "claim 4711") {
		t.Error(err)
	}
	all := len(one.sharedFiles())
	c, err := two.lib.TeamCollect(ctx, 1, false)
	if err != nil || c.Held == 0 || c.Objects == 0 || int(c.Held) != len(one.sharedFiles()) || int(c.Held+c.Objects) != all {
		t.Errorf("of %d: %+v, %v", all, c, err)
	}

	if _, err := one.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "over"}); err != nil {
		t.Fatal(err)
	}
	if len(one.notices()) != 1 {
		t.Errorf("%q", one.notices())
	}
	two.untouched(id, library.ErrHeld)
	if _, err := three.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "over"}); err != nil {
		t.Fatal(err)
	}
	if e, err := two.lib.EraseSession(ctx, id); err != nil || !e.Proven || len(e.Team.Erased) != int(c.Held) {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestHoldsThatNobodyReads: while there is anything in the place of holds that no secret
// opens, nothing is removed from the store, and Veriff is asked to delete nothing.
func TestHoldsThatNobodyReads(t *testing.T) {
	one, two, id := newPair(t)
	one.hold(id)
	one.shared()
	for what, damage := range map[string]func(path string) error{
		"rubbish beside it": func(path string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(path), strings.Repeat("0", 32)), []byte("?"), 0o600)
		},
		"a changed bit": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 1
			return os.WriteFile(path, b, 0o600)
		},
		"another name": func(path string) error { return os.Rename(path, path[:len(path)-4]+"0000") },
	} {
		t.Run(what, func(t *testing.T) {
			path := one.notices()[0]
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			two.untouched(id, library.ErrHeld)
			before := len(one.sharedFiles())
			var unreadable *library.HeldError
			c, err := two.lib.TeamCollect(t.Context(), 1, false)
			if !errors.As(err, &unreadable) || unreadable.UnreadableNotices == nil || c.Objects != 0 || len(one.sharedFiles()) != before {
				t.Errorf("%+v, %v", c, err)
			}
			for _, path := range one.notices() {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(path, good, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// deaf is a bucket that does not say what is held.
type deaf struct{ bucket.Bucket }

var errDeaf = errors.New("out of reach")

func (d deaf) List(ctx context.Context, prefix string) iter.Seq2[bucket.Info, error] {
	if prefix != "holds/" {
		return d.Bucket.List(ctx, prefix)
	}
	return func(yield func(bucket.Info, error) bool) { yield(bucket.Info{}, errDeaf) }
}

// TestHoldsOutOfReach: if the store does not say what is held, nothing is removed there.
// What is here is the member's own, and a purge erases it, without a proof.
func TestHoldsOutOfReach(t *testing.T) {
	ctx := context.Background()
	one, two, id := newPair(t)
	two.wrap = func(b bucket.Bucket) bucket.Bucket { return deaf{b} }
	two.restart()
	two.warm(warming.Options{})
	two.shared()
	before := len(one.sharedFiles())
	if c, err := two.lib.TeamCollect(ctx, 1, false); !errors.Is(err, library.ErrTeamHolds) || c.Objects != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := two.lib.DeleteAtVeriff(ctx, id); !errors.Is(err, library.ErrTeamHolds) {
		t.Errorf("a deletion at Veriff: %v", err)
	}
	e, err := two.lib.EraseSession(ctx, id)
	if err != nil || e.Proven || len(e.Erased) == 0 || e.Team.Proven || !strings.Contains(e.Team.Error, errDeaf.Error()) || len(e.Team.Erased) != 0 {
		t.Errorf("%+v, %+v, %v", e, e.Team, err)
	}
	if n := len(one.sharedFiles()); n != before {
		t.Errorf("%d files of %d are left in the store", n, before)
	}
}

// away is a bucket that can be out of reach for notices.
type away struct {
	bucket.Bucket
	now *atomic.Bool
}

func (a away) reach() error {
	if a.now.Load() {
		return errDeaf
	}
	return nil
}

func (a away) Replace(ctx context.Context, name string, body io.ReadSeeker) error {
	if err := a.reach(); err != nil {
		return err
	}
	return a.Bucket.Replace(ctx, name, body)
}

func (a away) Remove(ctx context.Context, name string) (int, error) {
	if err := a.reach(); err != nil {
		return 0, err
	}
	return a.Bucket.Remove(ctx, name)
}

// TestHoldWhileTheStoreIsAway: a hold stands at once, and is in the store once a mount
// finds it; it can't be released before the team could know of that.
func TestHoldWhileTheStoreIsAway(t *testing.T) {
	ctx := context.Background()
	one, _, id := newPair(t)
	var gone atomic.Bool
	one.wrap = func(b bucket.Bucket) bucket.Bucket { return away{b, &gone} }
	one.restart()
	gone.Store(true)
	held := one.hold(id)
	if held.Team == nil || held.Team.Written || held.Team.Error == "" || held.Complete.IsZero() {
		t.Fatalf("%+v, %+v", held, held.Team)
	}
	if s := one.lib.Stats(); s.Unannounced != 1 {
		t.Errorf("%d holds are not in the store", s.Unannounced)
	}
	gone.Store(false)
	one.restart()
	one.eventually("the store has the hold", func() bool { return len(one.notices()) == 1 && one.lib.Stats().Unannounced == 0 })
	gone.Store(true)
	if _, err := one.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "over"}); !errors.Is(err, library.ErrTeamHolds) {
		t.Errorf("released: %v", err)
	}
	if all, err := one.lib.Holds(ctx); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	gone.Store(false)
	if _, err := one.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "over"}); err != nil || len(one.notices()) != 0 {
		t.Errorf("%v; %q", err, one.notices())
	}
}

// TestEndOfAHoldInATeam: a hold whose time has run out holds nothing any more. A purge of
// its session removes what names it, and a collection what its member has left for a day.
func TestEndOfAHoldInATeam(t *testing.T) {
	ctx := context.Background()
	one, two, id := newPair(t)
	until := time.Now().Add(time.Hour)
	hold := func() {
		t.Helper()
		if _, err := one.lib.Hold(ctx, library.HoldOptions{Session: id, Reason: "x", Until: until}); err != nil {
			t.Fatal(err)
		}
		one.shared()
	}
	hold()
	two.untouched(id, library.ErrHeld)
	two.passive = true
	at := func(after time.Duration) {
		two.now = func() time.Time { return until.Add(after).Round(0) }
		two.wrap = func(b bucket.Bucket) bucket.Bucket { return clocked{b, time.Until(until.Add(after))} }
		two.restart()
	}
	at(time.Minute)
	if c, err := two.lib.TeamCollect(ctx, time.Hour, false); err != nil || c.Holds != 0 || c.Held != 0 || c.Objects == 0 {
		t.Errorf("just over: %+v, %v", c, err)
	}
	if e, err := two.lib.EraseSession(ctx, id); err != nil || !e.Proven || len(one.notices()) != 0 {
		t.Errorf("%+v, %v; %q", e, err, one.notices())
	}
	hold()
	at(25 * time.Hour)
	for _, dry := range []bool{true, false} {
		if c, err := two.lib.TeamCollect(ctx, 0, dry); err != nil || c.Holds != 1 {
			t.Errorf("a day later: %+v, %v", c, err)
		}
	}
	if len(one.notices()) != 0 {
		t.Errorf("%q", one.notices())
	}
}
