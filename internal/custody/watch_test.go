package custody_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/internal/bucket"
	"veriffs/internal/bucket/folder"
	"veriffs/internal/custody"
	"veriffs/internal/notice"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// slow is a bucket in which something happens while a name is removed.
type slow struct {
	bucket.Bucket
	removing func()
}

func (s slow) Remove(ctx context.Context, name string) (int, error) {
	s.removing()
	return s.Bucket.Remove(ctx, name)
}

// TestExtendedAtTheEnd: a hold whose time has run out stands if it is extended while a
// mount is ending it, or ends another one, and its notice is put again.
func TestExtendedAtTheEnd(t *testing.T) {
	share, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer share.Close()
	synctest.Test(t, func(t *testing.T) {
		h, p := newHolds(t)
		all := []veriff.SessionID{session, {1, 2, 3, 4, 5, 6, 7, 9}}
		add := func(until time.Time) {
			for _, id := range all {
				if _, err := h.Add(id, "claim", "ann", until, time.Now()); err != nil {
					t.Error(err)
				}
			}
		}
		later := time.Now().Add(48 * time.Hour)
		s := team.New(team.Options{Bucket: slow{share, func() { add(later) }}, Cache: p.Cache, Shareable: store.Shareable})
		defer s.Close()
		board := notice.New(s, func(bool) notice.Member { return notice.Member{} })
		c := custody.NewCustodian(h, custody.Work{
			Board: board, End: end(h),
			Fetch: func(context.Context, veriff.SessionID) ([]warming.Failure, error) { return nil, nil },
		})
		add(time.Now().Add(90 * time.Second))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{}, 2)
		for _, run := range []func(context.Context){c.Announce, func(ctx context.Context) {
			time.Sleep(91 * time.Second)
			c.Watch(ctx)
		}} {
			go func() {
				run(ctx)
				ended <- struct{}{}
			}()
		}
		time.Sleep(2 * time.Hour)
		for _, id := range all {
			if r := h.Of(id); r == nil || !r.Until.Equal(later) {
				t.Errorf("session %s: %+v", id, r)
			}
		}
		none := custody.NewHolds(p)
		for _, id := range all {
			if _, err := none.Release(id); err != nil {
				t.Error(err)
			}
		}
		if found, err := board.Others(t.Context(), none.Set); err != nil || len(found) != 2 || !found[0].Until.Equal(later) || !found[1].Until.Equal(later) {
			t.Errorf("notices: %+v, %v", found, err)
		}
		stop()
		<-ended
		<-ended
	})
}
