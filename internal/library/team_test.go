package library_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"veriffs/internal/bucket"
	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// TestTeamSurvey tells what the store has of the sessions that are named.
func TestTeamSurvey(t *testing.T) {
	h := newTeam(t, 1, history())[0]
	h.warm(warming.Options{})
	h.shared()
	id := h.SessionIDs()[0]
	s, err := h.lib.TeamSurvey(t.Context(), []veriff.SessionID{id})
	if err != nil || s.Objects != int64(len(h.sharedFiles())) || len(s.Sessions) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	of := s.Sessions[0]
	if of.Session != id.String() || of.Files != int64(len(h.files(id))) || of.Bytes == 0 || of.Files+s.Others != s.Objects || of.Last.Before(of.First) || of.First.IsZero() {
		t.Errorf("%+v", s)
	}
	if s, err := h.lib.TeamSurvey(t.Context(), nil); err != nil || s.Others != 0 || len(s.Sessions) != 0 {
		t.Errorf("without a name: %+v, %v", s, err)
	}
	if _, err := newHouse(t, 1<<30, sandbox.Options{}).lib.TeamSurvey(t.Context(), nil); !errors.Is(err, library.ErrNoTeam) {
		t.Errorf("without a store: %v", err)
	}
}

// TestTeamCollect leaves what is held here. A hold that has run out is none, and
// while one can't be read nothing goes.
func TestTeamCollect(t *testing.T) {
	ctx := context.Background()
	h := newTeam(t, 1, history())[0]
	h.warm(warming.Options{})
	h.shared()
	id := h.SessionIDs()[0]
	all := len(h.sharedFiles())
	if _, err := h.lib.Hold(ctx, library.HoldOptions{Session: id, Reason: "x", Until: time.Now().Add(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	h.shared() // a hold fetches earlier attempts, too
	h.down()
	damage(t, filepath.Join(h.dir, "*", "holds", "*"))
	h.up()
	if c, err := h.lib.TeamCollect(ctx, 1, false); !errors.Is(err, library.ErrHeld) || c.Objects != 0 {
		t.Errorf("beside a hold that can't be read: %+v, %v", c, err)
	}
	if n := len(h.sharedFiles()); n < all {
		t.Errorf("%d files are left of %d", n, all)
	}
	if _, err := h.lib.Hold(ctx, library.HoldOptions{Session: id, Reason: "x", Until: time.Now().Add(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	c, err := h.lib.TeamCollect(ctx, 1, false)
	if err != nil || c.Objects == 0 || c.Held == 0 || len(h.sharedFiles()) != int(c.Held) {
		t.Errorf("%+v, %v; %d files are left", c, err, len(h.sharedFiles()))
	}
	h.passive = true // nobody ends it in the background
	h.now = func() time.Time { return time.Now().Add(25 * time.Hour).Round(0) }
	h.wrap = func(b bucket.Bucket) bucket.Bucket { return clocked{b, 25 * time.Hour} }
	h.restart()
	if c, err := h.lib.TeamCollect(ctx, time.Hour, false); err != nil || c.Held != 0 || len(h.sharedFiles()) != 0 {
		t.Errorf("once the hold has run out: %+v, %v", c, err)
	}
}

// TestWarmTeam fills the store from the cache and from the API, and says what was there.
func TestWarmTeam(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	if _, err := h.lib.Warm(t.Context(), warming.Options{Team: true}, nil); !errors.Is(err, library.ErrNoTeam) {
		t.Errorf("without a store: %v", err)
	}
	ids := h.SessionIDs()
	cached := h.warm(warming.Options{Sessions: ids[:1]}) // which nobody shares
	h.share = t.TempDir()
	h.restart()
	done := h.warm(warming.Options{Sessions: ids, Team: true})
	if done.Cached != cached.Fetched || done.Fetched == 0 || done.ToTeam != done.Files || done.InTeam+done.TeamFailed+done.Failed != 0 {
		t.Errorf("the first: %+v", done)
	}
	if n := len(h.sharedFiles()); n != done.Files {
		t.Errorf("the store has %d of %d files", n, done.Files)
	}
	if s := h.shared(); s.Shared != int64(done.Files) || s.Existed != 0 {
		t.Errorf("uploaded more than once: %+v", s)
	}
	again := h.warm(warming.Options{Sessions: ids, Team: true})
	if again.InTeam != done.Files || again.Fetched+again.ToTeam != 0 {
		t.Errorf("once more: %+v after %+v", again, done)
	}
	other := newMember(t, h)
	if done := other.warm(warming.Options{Sessions: ids, Team: true}); done.InTeam != done.Files || done.ToTeam != 0 || done.Fetched != done.Files {
		t.Errorf("another member: %+v", done)
	}
}
