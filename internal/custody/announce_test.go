package custody_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync/atomic"
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
	"veriffs/veriff"
)

// flaky is a bucket that can be out of reach, and counts what it is asked.
type flaky struct {
	bucket.Bucket
	down  atomic.Bool
	asked atomic.Int64
}

func (f *flaky) fails() error {
	f.asked.Add(1)
	if f.down.Load() {
		return errors.New("out of reach")
	}
	return nil
}

func (f *flaky) Head(ctx context.Context, o bucket.Info, n int64) ([]byte, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.Bucket.Head(ctx, o, n)
}

func (f *flaky) Replace(ctx context.Context, name string, body io.ReadSeeker) error {
	if err := f.fails(); err != nil {
		return err
	}
	return f.Bucket.Replace(ctx, name, body)
}

func (f *flaky) Remove(ctx context.Context, name string) (int, error) {
	if err := f.fails(); err != nil {
		return 0, err
	}
	return f.Bucket.Remove(ctx, name)
}

// TestAnnounce: what the store could not take is there within a minute of its return; what
// is there is looked for once an hour; what was removed comes back.
func TestAnnounce(t *testing.T) {
	dir := t.TempDir()
	share, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer share.Close()
	synctest.Test(t, func(t *testing.T) {
		h, p := newHolds(t)
		b := &flaky{Bucket: share}
		s := team.New(team.Options{Bucket: b, Cache: p.Cache, Shareable: store.Shareable})
		defer s.Close()
		c := custody.NewCustodian(h, custody.Work{
			Board: notice.New(s, func(bool) notice.Member { return notice.Member{Host: "here"} }),
			End:   end(h),
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			c.Announce(ctx)
			close(ended)
		}()
		there := func() int {
			found, err := filepath.Glob(filepath.Join(dir, "holds", "*"))
			if err != nil {
				t.Fatal(err)
			}
			return len(found)
		}
		b.down.Store(true)
		if _, err := h.Add(session, "claim", "ann", time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if there() != 0 || c.Unannounced() != 1 || b.asked.Load() > 10 {
			t.Errorf("out of reach: %d notices, %d missing, asked %d times", there(), c.Unannounced(), b.asked.Load())
		}
		b.down.Store(false)
		time.Sleep(61 * time.Second)
		if there() != 1 || c.Unannounced() != 0 {
			t.Errorf("back: %d notices, %d missing", there(), c.Unannounced())
		}
		b.asked.Store(0)
		time.Sleep(55 * time.Minute)
		if n := b.asked.Load(); n != 0 {
			t.Errorf("asked %d times for what is there", n)
		}
		if _, err := share.Remove(ctx, "holds/"+filepath.Base(only(t, filepath.Join(dir, "holds", "*")))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if there() != 1 {
			t.Errorf("what was removed did not come back")
		}
		b.down.Store(true)
		if _, err := c.Release(ctx, custody.ReleaseOptions{Session: session, Reason: "over"}); !errors.Is(err, notice.ErrStore) || h.Of(session) == nil {
			t.Errorf("released: %v", err)
		}
		b.down.Store(false)
		if _, err := c.Release(ctx, custody.ReleaseOptions{Session: session, Reason: "over"}); err != nil || there() != 0 {
			t.Errorf("%v, %d notices", err, there())
		}
		stop()
		<-ended
	})
}

// end ends a hold, and nothing else.
func end(h *custody.Holds) func(veriff.SessionID, func(*hold.Record) bool) error {
	return func(id veriff.SessionID, ends func(*hold.Record) bool) error {
		_, err := h.ReleaseIf(id, ends)
		return err
	}
}

func only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	return found[0]
}

// TestNameOfANotice: a record without a name for its notice gets one, which it keeps.
func TestNameOfANotice(t *testing.T) {
	share, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer share.Close()
	h, p := newHolds(t)
	s := team.New(team.Options{Bucket: share, Cache: p.Cache, Shareable: store.Shareable})
	defer s.Close()
	for range 2 {
		c := custody.NewCustodian(h, custody.Work{Board: notice.New(s, func(bool) notice.Member { return notice.Member{} })})
		if _, err := h.Add(session, "claim", "ann", time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go c.Announce(ctx)
		for c.Unannounced() > 0 {
			time.Sleep(time.Millisecond) // there is no notice of that
		}
		stop()
		h = custody.NewHolds(p) // as the next process reads it
		if r := h.Of(session); r == nil || len(r.Notices) != 1 {
			t.Fatalf("%+v", r)
		}
	}
	n := 0
	for _, err := range share.List(t.Context(), "holds/") {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("%d notices", n)
	}
}

// picky is a bucket that never takes what it was first asked to take.
type picky struct {
	bucket.Bucket
	first *string
}

func (p picky) Replace(ctx context.Context, name string, body io.ReadSeeker) error {
	if *p.first == "" {
		*p.first = name
	}
	if *p.first == name {
		return errors.New("refused")
	}
	return p.Bucket.Replace(ctx, name, body)
}

// TestAnnounceTheOthers: a notice that the store does not take keeps the others from nothing.
func TestAnnounceTheOthers(t *testing.T) {
	share, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer share.Close()
	synctest.Test(t, func(t *testing.T) {
		h, p := newHolds(t)
		s := team.New(team.Options{Bucket: picky{share, new(string)}, Cache: p.Cache, Shareable: store.Shareable})
		defer s.Close()
		c := custody.NewCustodian(h, custody.Work{Board: notice.New(s, func(bool) notice.Member { return notice.Member{} })})
		for _, id := range []veriff.SessionID{session, {2}, {3}} {
			if _, err := h.Add(id, "claim", "ann", time.Time{}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			c.Announce(ctx)
			close(ended)
		}()
		time.Sleep(30 * time.Second)
		if n := c.Unannounced(); n != 1 {
			t.Errorf("the team does not know of %d holds", n)
		}
		stop()
		<-ended
	})
}

// TestEndThatFails: a hold whose record can't be removed stands, and its notice is back at
// once, without a mount that looks after it.
func TestEndThatFails(t *testing.T) {
	share, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer share.Close()
	h, p := newHolds(t)
	s := team.New(team.Options{Bucket: share, Cache: p.Cache, Shareable: store.Shareable})
	defer s.Close()
	board := notice.New(s, func(bool) notice.Member { return notice.Member{Host: "here"} })
	full := errors.New("the disk is full")
	c := custody.NewCustodian(h, custody.Work{Board: board, End: func(veriff.SessionID, func(*hold.Record) bool) error { return full }})
	if _, err := h.Add(session, "claim", "ann", time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	h.Learn(session, hold.Noticed("A"))
	if err := board.Post(t.Context(), h.Of(session)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Release(t.Context(), custody.ReleaseOptions{Session: session, Reason: "over"}); !errors.Is(err, full) {
		t.Errorf("released: %v", err)
	}
	if all, err := board.Others(t.Context(), hold.NewSet(nil, nil, nil)); err != nil || len(all) != 1 || c.Unannounced() != 0 {
		t.Errorf("%+v, %v; the team does not know of %d", all, err, c.Unannounced())
	}
}
