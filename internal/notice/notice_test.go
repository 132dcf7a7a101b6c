package notice_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/bucket/folder"
	"veriffs/internal/hold"
	"veriffs/internal/notice"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

var session = veriff.SessionID{1, 2, 3, 4, 5, 6, 7, 8}

// member has a cache of its own, and a board in the folder that all share.
type member struct {
	holds *hold.Set
	store *team.Store
	board *notice.Board
}

func join(t *testing.T, f bucket.Bucket, name string, secrets ...string) member {
	t.Helper()
	o := cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 1 << 30}
	for _, s := range append(secrets, "secret") {
		o.Secrets = append(o.Secrets, []byte(s))
	}
	c, err := cache.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s := team.New(team.Options{Bucket: f, Cache: c, Shareable: store.Shareable})
	t.Cleanup(s.Close)
	return member{store.Holds(c), s, notice.New(s, func(bool) notice.Member { return notice.Member{Installation: name, Host: "h"} })}
}

// hold returns the record of a new hold with a name for its notice.
func (m member) hold(t *testing.T, name string) *hold.Record {
	t.Helper()
	_, err := m.holds.Add(session, "claim", "ann", time.Time{}, time.Now())
	if _, failed := m.holds.Learn(session, hold.Noticed(name)); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return m.holds.Of(session)
}

// TestOthers: each member sees the notices of all others and not its own, under all names
// that it has.
func TestOthers(t *testing.T) {
	f, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	one, two := join(t, f, "one"), join(t, f, "two")
	if err := one.board.Post(t.Context(), &hold.Record{Session: session}); err == nil {
		t.Error("a record without a name has a notice")
	}
	r := one.hold(t, "A")
	for _, m := range []struct {
		member
		r *hold.Record
	}{{one, r}, {two, two.hold(t, "B")}} {
		if err := m.board.Post(t.Context(), m.r); err != nil {
			t.Fatal(err)
		}
	}
	all, err := two.board.Others(t.Context(), two.holds)
	if err != nil || len(all) != 1 || all[0].Installation != "one" || all[0].ID != session || all[0].Name != "A" || all[0].Reason != "claim" {
		t.Errorf("%+v, %v", all, err)
	}
	one.hold(t, "B") // as if an older record of the first had been the second's
	if all, err := one.board.Others(t.Context(), one.holds); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := one.board.Withdraw(t.Context(), one.holds.Of(session), false); err != nil {
		t.Fatal(err)
	}
	if err := two.board.Keep(t.Context(), two.holds.Of(session), false); err != nil { // it is put again
		t.Fatal(err)
	}
	none := hold.NewSet(nil, nil, nil)
	if all, err := one.board.Others(t.Context(), none); err != nil || len(all) != 1 || all[0].Name != "B" {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestMalformedNotices: what a member has sealed and is no notice is not passed over.
func TestMalformedNotices(t *testing.T) {
	good := hold.Notice{Session: session.String(), Since: time.Now()}.Encode()
	for what, n := range map[string]struct {
		key  cache.Key
		text []byte
	}{
		"no JSON":           {store.NoticeKey(session, "A"), []byte("?")},
		"a later version":   {store.NoticeKey(session, "A"), []byte(`{"version":2,"session":"` + session.String() + `","since":"2026-01-01T00:00:00Z"}`)},
		"no beginning":      {store.NoticeKey(session, "A"), []byte(`{"version":1,"session":"` + session.String() + `"}`)},
		"another session's": {store.NoticeKey(veriff.SessionID{2}, "A"), good},
		"another key":       {"media/x", good},
	} {
		f, err := folder.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		m := join(t, f, "one")
		if err := team.PutNote(t.Context(), m.store, n.key, n.text); err != nil {
			t.Fatal(err)
		}
		var unreadable *team.UnreadableError
		if all, err := m.board.Others(t.Context(), m.holds); !errors.As(err, &unreadable) || len(unreadable.Unknown) != 1 || !strings.Contains(err.Error(), "this version of veriffs can't read file://") || len(all) != 0 {
			t.Errorf("%s: %+v, %v", what, all, err)
		}
	}
}

// stiff is a bucket that removes nothing at present.
type stiff struct {
	bucket.Bucket
	now *bool
}

func (s stiff) Remove(ctx context.Context, name string) (int, error) {
	if *s.now {
		return 0, errors.New("not now")
	}
	return s.Bucket.Remove(ctx, name)
}

// TestNoticeOfAnOlderSecret: what could not be removed when a notice was sealed anew is
// removed when the notice is looked after again.
func TestNoticeOfAnOlderSecret(t *testing.T) {
	f, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	one := join(t, f, "one")
	r := one.hold(t, "A")
	now := true
	both := join(t, stiff{f, &now}, "one", "new")
	if err := one.board.Post(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := both.board.Keep(t.Context(), r, false); !errors.Is(err, notice.ErrStore) {
			t.Errorf("not removed: %v", err)
		}
	}
	now = false
	if err := both.board.Keep(t.Context(), r, false); err != nil {
		t.Error(err)
	}
	if all, err := one.board.Others(t.Context(), one.holds); len(all) != 0 || err == nil || strings.Contains(err.Error(), "more") || strings.Count(err.Error(), "holds/") != 1 {
		t.Errorf("left beside the new one: %+v, %v", all, err)
	}
}

// TestNoBoard: without a team nothing is found and nothing fails.
func TestNoBoard(t *testing.T) {
	b := notice.New(nil, nil)
	r := &hold.Record{Session: session}
	all, err := b.Others(t.Context(), nil)
	_, failed := b.Withdraw(t.Context(), r, false)
	if err := errors.Join(err, b.Post(t.Context(), r), b.Keep(t.Context(), r, false), failed); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}
