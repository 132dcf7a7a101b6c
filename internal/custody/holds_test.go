package custody_test

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/changes"
	"veriffs/internal/collection"
	"veriffs/internal/custody"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

var (
	session = veriff.SessionID{1, 2, 3, 4, 5, 6, 7, 8}
	attempt = veriff.AttemptID{2, 2, 3, 4, 5, 6, 7, 8}
	cached  = veriff.MediaID{3, 2, 3, 4, 5, 6, 7, 8}
	missing = veriff.MediaID{4, 2, 3, 4, 5, 6, 7, 8}
)

// newHolds returns the holds of a new cache that has one file of a session.
func newHolds(t *testing.T) (*custody.Holds, custody.Parts) {
	t.Helper()
	c, err := cache.Open(cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 1 << 30, Secrets: [][]byte{[]byte("secret")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for c.Stats().Loading {
		time.Sleep(time.Millisecond) // there is no notice
	}
	store.Put(c, store.File(cached), []byte("face"), store.NewLabel(session, attempt, veriff.Receipt{}).Text())
	p := custody.Parts{
		Cache: c, Catalog: store.NewCatalog(c), Sessions: collection.NewSessions(time.Now), Changes: new(changes.Feed),
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	return custody.NewHolds(p), p
}

func list(ids ...veriff.MediaID) *listing.Listing {
	var media veriff.MediaList
	for _, id := range ids {
		media.Items = append(media.Items, veriff.Media{ID: id, Context: "face", MIMEType: "image/jpeg", Size: 4})
	}
	return listing.New(session, attempt, time.Time{}, media)
}

func filesOf(l *listing.Listing) (ids []veriff.MediaID) {
	for _, f := range l.Files {
		ids = append(ids, f.ID)
	}
	return ids
}

// A listing gets back what it lacks and the cache has, as soon as its session is held.
func TestListingOfAHeldSession(t *testing.T) {
	h, _ := newHolds(t)
	if empty := list(); h.LearnListing(empty, veriff.AttemptList{}) || len(empty.Files) != 0 {
		t.Errorf("without a hold, a listing gets %v", filesOf(empty))
	}
	if _, err := h.Add(session, "claim", "ann", time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	whole := list(cached, missing)
	if h.LearnListing(whole, veriff.AttemptList{}) {
		t.Error("a listing lacks what it has")
	}
	if now := list(); !h.LearnListing(now, veriff.AttemptList{}) || !slices.Equal(filesOf(now), []veriff.MediaID{cached}) {
		t.Errorf("a listing that lacks all gets %v, and the cache has %v", filesOf(now), cached)
	}
	if r := h.Of(session); r.Attempt(attempt) == nil || len(r.Attempt(attempt).Files) != 2 {
		t.Errorf("the hold knows of %+v", r.Attempts)
	}
}

// The catalog has the attempts that the hold alone knows, and is told of once.
func TestAttemptsOfAHeldSession(t *testing.T) {
	h, p := newHolds(t)
	if _, err := h.Add(session, "claim", "ann", time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	h.Learn(session, hold.Attempts([]veriff.Attempt{{ID: attempt}}, false, time.Now()))
	var told int
	p.Changes.Observe(func(c changes.Change) {
		if c.AttemptsChanged && c.Session == session {
			told++
		}
	})
	h.Show()
	h.Show()
	if !slices.Equal(p.Catalog.Of(session), []veriff.AttemptID{attempt}) || !p.Sessions.Has(session) || told != 1 {
		t.Errorf("attempts %v, listed %v, told %d times", p.Catalog.Of(session), p.Sessions.Has(session), told)
	}
}

// What is known to be gone is not asked for again.
func TestKnownGone(t *testing.T) {
	h, _ := newHolds(t)
	gone := func(r *hold.Record) time.Time { return r.Gone }
	if h.KnownGone(h.Of(session), gone) {
		t.Error("a session that is not held is gone")
	}
	if _, err := h.Add(session, "claim", "ann", time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if h.KnownGone(h.Of(session), gone) {
		t.Error("a session that is there is gone")
	}
	if !h.Learn(session, hold.SessionGone(time.Now())) || !h.KnownGone(h.Of(session), gone) {
		t.Error("a session that is gone is asked for again")
	}
	first, second := h.AskAgain(session), h.AskAgain(session)
	first()
	if h.KnownGone(h.Of(session), gone) {
		t.Error("a session that somebody is just holding is not asked for")
	}
	second()
	if !h.KnownGone(h.Of(session), gone) {
		t.Error("a session that is gone is asked for again, though nobody is just holding it")
	}
}
