package custody_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/internal/bucket"
	"veriffs/internal/bucket/folder"
	"veriffs/internal/custody"
	"veriffs/internal/hold"
	"veriffs/internal/notice"
	"veriffs/internal/store"
	"veriffs/internal/team"
)

// copied is a cache with the record of a hold that another one has, too.
type copied struct {
	holds     *custody.Holds
	board     *notice.Board
	custodian *custody.Custodian
}

func newCopied(t *testing.T, share bucket.Bucket, dir string) copied {
	t.Helper()
	h, p := newHolds(t)
	s := team.New(team.Options{Bucket: share, Cache: p.Cache, Shareable: store.Shareable})
	t.Cleanup(s.Close)
	b := notice.New(s, func(bool) notice.Member { return notice.Member{Installation: "SHA256:one", Host: "h", Cache: dir} })
	if _, err := h.Add(session, "claim", "ann", time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	h.Learn(session, hold.Noticed("A"))
	return copied{h, b, custody.NewCustodian(h, custody.Work{Board: b, End: end(h)})}
}

// announce has the copy look after its notice, until the test ends.
func (c copied) announce(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		c.custodian.Announce(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	synctest.Wait()
}

// posted are the caches that have a notice of the session, in order.
func (c copied) posted(t *testing.T) (dirs []string) {
	t.Helper()
	all, err := c.board.Others(t.Context(), hold.NewSet(nil, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		dirs = append(dirs, p.Cache)
	}
	slices.Sort(dirs)
	return dirs
}

// TestCopiedCache: of two caches with one record the one that was there first has a notice of
// its own once it has looked again, so that neither ends the other's hold. What a copy has put
// since is not removed by the release of the first either.
func TestCopiedCache(t *testing.T) {
	share, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer share.Close()
	release := custody.ReleaseOptions{Session: session, Reason: "over"}
	synctest.Test(t, func(t *testing.T) {
		first, second := newCopied(t, share, "/first"), newCopied(t, share, "/second")
		first.announce(t)
		second.announce(t)
		if got := first.posted(t); !slices.Equal(got, []string{"/second"}) {
			t.Errorf("at first: %q", got)
		}
		time.Sleep(5 * time.Hour)
		if got := first.posted(t); !slices.Equal(got, []string{"/first", "/second"}) {
			t.Errorf("later: %q", got)
		}
		if first.custodian.Unannounced()+second.custodian.Unannounced() != 0 {
			t.Error("the team does not know of both")
		}
		if _, err := second.custodian.Release(t.Context(), release); err != nil {
			t.Error(err)
		}
		if got := first.posted(t); !slices.Equal(got, []string{"/first"}) {
			t.Errorf("once the copy has released it: %q", got)
		}
		third := newCopied(t, share, "/third")
		third.holds.Learn(session, hold.Renoticed("A", first.holds.Of(session).Notices[0]))
		third.announce(t)
		if _, err := first.custodian.Release(t.Context(), release); err != nil {
			t.Error(err)
		}
		if got := third.posted(t); !slices.Equal(got, []string{"/third"}) {
			t.Errorf("once the first has released it: %q", got)
		}
	})
}

// TestMovedCache: a cache that has moved goes on with the notice that it had, and removes it.
func TestMovedCache(t *testing.T) {
	share, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer share.Close()
	synctest.Test(t, func(t *testing.T) {
		before, after, command := newCopied(t, share, "/before"), newCopied(t, share, "/after"), newCopied(t, share, "/elsewhere")
		if err := before.board.Post(t.Context(), before.holds.Of(session)); err != nil {
			t.Fatal(err)
		}
		after.announce(t)
		time.Sleep(5 * time.Hour)
		if got := after.posted(t); !slices.Equal(got, []string{"/after"}) {
			t.Errorf("moved: %q", got)
		}
		if _, err := command.custodian.Release(t.Context(), custody.ReleaseOptions{Session: session, Reason: "over"}); err != nil || len(after.posted(t)) != 0 {
			t.Errorf("%v; left: %q", err, after.posted(t))
		}
	})
}

// TestCopyThatHoldsForLonger: what a copy has extended is another member's hold, though the
// object in the store is still that of both; what ends when ours does is not.
func TestCopyThatHoldsForLonger(t *testing.T) {
	share, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer share.Close()
	first, second := newCopied(t, share, "/first"), newCopied(t, share, "/second")
	end := time.Now().Add(time.Hour)
	for _, test := range []struct {
		ours, theirs time.Time
		others       int
	}{{end, end, 0}, {end, end.Add(time.Hour), 1}, {end, time.Time{}, 1}, {end, end.Add(-time.Minute), 0}, {time.Time{}, end, 0}} {
		for h, until := range map[*custody.Holds]time.Time{first.holds: test.ours, second.holds: test.theirs} {
			if _, err := h.Add(session, "claim", "ann", until, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if err := second.board.Post(t.Context(), second.holds.Of(session)); err != nil {
			t.Fatal(err)
		}
		if all, err := first.board.Others(t.Context(), first.holds.Set); err != nil || len(all) != test.others {
			t.Errorf("ours until %v, theirs until %v: %+v, %v", test.ours, test.theirs, all, err)
		}
	}
}
