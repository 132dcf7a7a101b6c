package library_test

import (
	"context"
	"iter"
	"testing"

	"veriffs/internal/bucket"
	"veriffs/internal/erasure"
	"veriffs/internal/library"
	"veriffs/internal/warming"
)

// TestPurgeReachesTheTeam: the purge of a session takes its files out of the team's store,
// those that another member has added too, and nothing else.
func TestPurgeReachesTheTeam(t *testing.T) {
	all := newTeam(t, 2, history())
	one, two := all[0], all[1]
	ids := one.SessionIDs()
	one.warm(warming.Options{})
	one.shared()
	before := len(one.sharedFiles())
	two.listing(ids[0])
	e, err := two.lib.EraseSession(context.Background(), ids[0])
	if err != nil || !e.Proven || !e.Team.Proven || len(e.Team.Erased) != before/2 || e.Team.LeftAlone {
		t.Errorf("%+v, %+v, %v", e, e.Team, err)
	}
	three := newMember(t, one)
	three.warm(warming.Options{})
	if s := three.team.Stats(); s.Hits != int64(before/2) || s.Misses != int64(before/2) {
		t.Errorf("another member, then: %+v", s)
	}
	three.shared()
	e, err = two.lib.EraseAll(context.Background(), false)
	if err != nil || !e.Proven || !e.Team.LeftAlone || len(one.sharedFiles()) != before {
		t.Errorf("of all: %+v, %v", e.Team, err)
	}
}

// unlisted is a bucket whose listings wait.
type unlisted struct {
	bucket.Bucket
	asked chan struct{} // gets one for each listing
	gate  chan struct{} // which waits until this is closed
}

func (u *unlisted) List(ctx context.Context, prefix string) iter.Seq2[bucket.Info, error] {
	if prefix != "" { // of holds
		return u.Bucket.List(ctx, prefix)
	}
	u.asked <- struct{}{}
	<-u.gate
	return u.Bucket.List(ctx, prefix)
}

// TestOpenWhileTheTeamErases: however long the erasure in the team's store takes, the
// session can be opened, from the API alone and without being shared, and others can be
// erased.
func TestOpenWhileTheTeamErases(t *testing.T) {
	all := newTeam(t, 2, history())
	one, two := all[0], all[1]
	ids := one.SessionIDs()
	one.warm(warming.Options{})
	one.shared()
	before := len(one.sharedFiles())
	slow := &unlisted{asked: make(chan struct{}, 9), gate: make(chan struct{})}
	two.wrap = func(b bucket.Bucket) bucket.Bucket { slow.Bucket = b; return slow }
	two.restart()
	done := make(chan erasure.Evidence)
	go func() {
		e, err := two.lib.EraseSession(context.Background(), ids[0])
		if err != nil {
			t.Error(err)
		}
		done <- e
	}()
	<-slow.asked
	for i, id := range ids[:2] {
		f := &two.listing(id).Files[0]
		open, err := two.lib.Open(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if want := []library.Source{library.FromAPI, library.FromTeam}[i]; open.From() != want {
			t.Errorf("session %d: from %d, want %d", i, open.From(), want)
		}
		open.Close()
	}
	if e, err := two.lib.EraseAll(t.Context(), false); err != nil || !e.Proven {
		t.Errorf("%+v, %v", e, err)
	}
	close(slow.gate)
	if e := <-done; !e.Proven || len(e.Team.Erased) != before/2 {
		t.Errorf("%+v, %+v", e, e.Team)
	}
	two.shared()
	if n := len(one.sharedFiles()); n != before/2 {
		t.Errorf("%d files are left, want %d", n, before/2)
	}
	f := &two.listing(ids[0]).Files[0] // it is shared again afterwards
	if err := two.lib.Fetch(t.Context(), f); err != nil {
		t.Error(err)
	}
	two.shared()
	if n := len(one.sharedFiles()); n != before/2+1 {
		t.Errorf("%d files afterwards, want %d", n, before/2+1)
	}
}

// TestPurgeWhileTheTeamFetches: what is on its way from the team's store when its session
// is purged does not get into the cache.
func TestPurgeWhileTheTeamFetches(t *testing.T) {
	_, two, id := newPair(t)
	list := two.listing(id)
	for range 20 {
		done := make(chan error)
		go func() { done <- two.lib.Fetch(context.Background(), &list.Files[0]) }()
		e, err := two.lib.EraseSession(context.Background(), id)
		if err != nil || !e.Proven {
			t.Fatalf("%+v, %v", e, err)
		}
		// It is fetched again behind the fence: from the API, for the store has it no more.
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		two.shared()
		list = two.listing(id)
	}
}
