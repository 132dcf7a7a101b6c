package library_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/retention"
	"veriffs/internal/store"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// The report tells why each session is here, by the labels alone: the API is not asked.
func TestRetention(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{Scale: sandbox.Scale{Sessions: 4, Attempts: 2, Files: 2, FileSize: 5000}})
	ctx := context.Background()
	ids := h.SessionIDs()
	held, pinned, lost, plain := ids[0], ids[1], ids[2], ids[3]
	h.warm(warming.Options{})
	h.hold(held)
	if _, err := h.lib.Pin(ctx, pinned.String()); err != nil {
		t.Fatal(err)
	}
	h.passive = true // what is lost is erased by another
	h.restart()
	h.DeleteSession(lost)
	h.loses(lost)
	h.ResetRequests()
	r, err := h.lib.Retention(ctx, nil)
	if err != nil || r.MaxAge != 0 || r.Damaged != 0 || r.Foreign != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	found := make(map[string]retention.Session)
	for _, s := range r.Sessions {
		found[s.Session] = s
		if s.Bytes == 0 || s.First.IsZero() || s.Last.Before(s.First) {
			t.Errorf("%+v", s)
		}
	}
	for id, want := range map[veriff.SessionID]retention.Session{
		held:   {Files: 4, Why: retention.WhyHeld, AtVeriff: retention.Listed},
		pinned: {Files: 2, Why: retention.WhyPinned, AtVeriff: retention.Listed, Pinned: 2},
		lost:   {Files: 2, Why: retention.WhyErased, AtVeriff: retention.Gone},
		plain:  {Files: 2, Why: retention.WhyRoom, AtVeriff: retention.Listed},
	} {
		s := found[id.String()]
		if s.Files != want.Files || s.Why != want.Why || s.AtVeriff != want.AtVeriff || s.Pinned != want.Pinned || (s.Hold != nil) != (id == held) {
			t.Errorf("%s: %+v, not %+v", id, s, want)
		}
	}
	if n := h.Requests().Total; n != 0 || len(r.Sessions) != 4 {
		t.Errorf("%d requests, %d sessions", n, len(r.Sessions))
	}
	if r, err := h.lib.Retention(ctx, []veriff.SessionID{plain}); err != nil || len(r.Sessions) != 1 || r.Sessions[0].Session != plain.String() {
		t.Errorf("%+v, %v", r, err)
	}
	h.DeleteSession(held)
	h.listing(held)
	if r, err := h.lib.Retention(ctx, []veriff.SessionID{held}); err != nil || r.Sessions[0].AtVeriff != retention.Gone || r.Sessions[0].Asked.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
}

// What another secret sealed is counted before the cache has been read for its index.
func TestRetentionCountsForeignObjects(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	h.warm(warming.Options{})
	h.down()
	h.down = func() {}
	c, err := cache.Open(cache.Options{Dir: h.dir, Limit: 1 << 30, Secrets: [][]byte{[]byte("another secret")}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := retention.Of(context.Background(), retention.Options{
		Cache: c, Holds: store.Holds(c), Lost: func(veriff.SessionID) bool { return false },
	})
	if err != nil || r.Foreign < 4 || len(r.Sessions) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// As long as a hold can't be read, that is why each session is here, and none has a day
// on which it goes.
func TestRetentionBesideAnUnreadableHold(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	held, other := h.SessionIDs()[0], h.SessionIDs()[1]
	h.warm(warming.Options{})
	h.hold(held)
	h.down()
	damage(t, filepath.Join(h.dir, "*", "holds", "*"))
	h.maxAge = 24 * time.Hour
	h.up()
	h.DeleteSession(other)
	h.loses(other)
	r, err := h.lib.Retention(context.Background(), nil)
	if err != nil || r.Broken == "" || len(r.Sessions) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, s := range r.Sessions {
		if s.Why != retention.WhyHolds || !s.FirstGoes.IsZero() || !s.LastGoes.IsZero() {
			t.Errorf("%+v", s)
		}
	}
}
