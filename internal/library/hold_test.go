package library_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// the returns the hold of the only session that is held.
func (h *house) the() library.Hold {
	h.t.Helper()
	all, err := h.lib.Holds(context.Background())
	if err != nil || len(all) != 1 {
		h.t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

// What Veriff no longer has is asked for once, and never again: neither by who looks
// nor by who opens, nor after a remount.
func TestHeldSessionIsNotAskedForAgain(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	e := h.evidence(id)
	contents := h.contents(e)
	h.hold(id)
	h.DeleteSession(id)
	h.now = func() time.Time { return time.Now().Add(time.Hour).Round(0) }
	h.restart()
	h.listing(id)
	if g := h.the().Gone; g == nil || g.Session.IsZero() {
		t.Errorf("%+v", g)
	}
	h.ResetRequests()
	h.intact(e, contents)
	h.restart()
	h.now = func() time.Time { return time.Now().Add(9 * time.Hour).Round(0) }
	h.lib.ForgetListing(id)
	h.intact(e, contents)
	if n := h.Requests(); n.Total != 0 {
		t.Errorf("it was asked for: %v", n.ByPath)
	}
	since := h.the().Gone.Session
	h.hold(id) // asks once more
	if n := h.Requests(); n.Total == 0 || !h.the().Gone.Session.Equal(since) {
		t.Errorf("%d requests; gone since %v, not %v", n.Total, h.the().Gone.Session, since)
	}
}

// A session that the API has again is one like any other.
func TestHeldSessionThatComesBack(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	e := h.evidence(id)
	contents := h.contents(e)
	h.hold(id)
	gone := h.Set(sandbox.Match{}, sandbox.Status(404))
	h.listing(id)
	gone.Remove()
	h.hold(id)
	if g := h.the().Gone; g != nil {
		t.Errorf("gone: %+v", g)
	}
	h.intact(e, contents)
}

// The release lets what is gone at Veriff go, and nothing else. A pin outlasts it.
func TestReleaseErasesWhatIsGone(t *testing.T) {
	ctx := context.Background()
	t.Run("the session", func(t *testing.T) {
		h := newHouse(t, 1<<30, history())
		id := h.SessionIDs()[0]
		e := h.evidence(id)
		h.hold(id)
		h.DeleteSession(id)
		h.listing(id)
		if _, err := h.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "settled"}); err != nil {
			t.Fatal(err)
		}
		for _, a := range e.attempts {
			for _, f := range a.Media {
				h.eventually("the files leave the cache", func() bool { return !h.cached(f) })
			}
		}
		if h.lib.HasSession(id) {
			t.Error("the session is still shown")
		}
		if _, err := h.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "settled"}); !errors.Is(err, library.ErrNoHold) {
			t.Error("a second release:", err)
		}
	})
	t.Run("the session, by the next process", func(t *testing.T) {
		h := newHouse(t, 1<<30, history())
		id := h.SessionIDs()[0]
		files := h.files(id)
		h.hold(id)
		h.DeleteSession(id)
		h.listing(id)
		h.passive = true
		h.restart()
		if _, err := h.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "settled"}); err != nil {
			t.Fatal(err)
		}
		h.passive = false
		h.restart()
		h.eventually("the files leave the cache", func() bool { return !h.cached(files[0]) && !h.cached(files[1]) })
	})
	t.Run("a file", func(t *testing.T) {
		h := newHouse(t, 1<<30, history())
		id := h.SessionIDs()[0]
		files := h.files(id)
		h.hold(id)
		h.DeleteMedia(files[0].ID)
		h.listing(id)
		h.eventually("the hold knows", func() bool {
			g := h.the().Gone
			return g != nil && len(g.Files) == 1 && g.Files[0].ID == files[0].ID.String()
		})
		if _, err := h.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "settled"}); err != nil {
			t.Fatal(err)
		}
		h.eventually("the file leaves the cache", func() bool { return !h.cached(files[0]) })
		if !h.cached(files[1]) {
			t.Error("so did its neighbour")
		}
	})
	t.Run("nothing", func(t *testing.T) {
		h := newHouse(t, 1<<30, history())
		id := h.SessionIDs()[0]
		if _, err := h.lib.Pin(ctx, id.String()); err != nil {
			t.Fatal(err)
		}
		h.hold(id)
		if _, err := h.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "settled"}); err != nil {
			t.Fatal(err)
		}
		if e, err := h.lib.Evict(ctx, nil); err != nil || e.Pinned != 2 || e.Files != 2 {
			t.Errorf("%+v, %v: not the files of the older attempt alone", e, err)
		}
		if e, err := h.lib.EraseSession(ctx, id); err != nil || len(e.Erased) == 0 || !e.Proven {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

// A hold whose time has run out ends by itself, and is no reason to refuse a purge.
func TestHoldExpires(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	now := time.Now().Round(0)
	h.now = func() time.Time { return now }
	h.restart()
	ctx := context.Background()
	until := library.HoldOptions{Session: id, Reason: "x", Until: now.Add(time.Hour)}
	if _, err := h.lib.Hold(ctx, until); err != nil {
		t.Fatal(err)
	}
	if _, err := h.lib.EraseSession(ctx, id); !errors.Is(err, library.ErrHeld) {
		t.Error(err)
	}
	h.passive = true // nobody ends it in the background
	now = now.Add(time.Hour)
	h.restart()
	if _, err := h.lib.EraseSession(ctx, id); err != nil {
		t.Error(err)
	}
	until.Until = now.Add(time.Hour)
	if _, err := h.lib.Hold(ctx, until); err != nil {
		t.Fatal(err)
	}
	h.passive = false
	now = now.Add(time.Hour)
	h.restart()
	h.eventually("it ends by itself", func() bool { all, err := h.lib.Holds(ctx); return err == nil && len(all) == 0 })
}

// A hold stands though nothing can be fetched, and is completed once it can be.
func TestHoldOffline(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	e := h.evidence(id)
	contents := h.contents(e)
	down := h.Set(sandbox.Match{}, sandbox.Refuse())
	held := h.hold(id)
	if !held.Complete.IsZero() || len(held.Failures) == 0 {
		t.Errorf("%+v", held)
	}
	if _, err := h.lib.EraseSession(context.Background(), id); !errors.Is(err, library.ErrHeld) {
		t.Error(err)
	}
	down.Remove()
	h.restart()
	h.eventually("the hold is completed", func() bool { return !h.the().Complete.IsZero() })
	h.DeleteSession(id)
	h.listing(id)
	h.intact(e, contents)
}

// A new attempt of a held session takes nothing away, and is held, too.
func TestNewAttemptOfAHeldSession(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	old := h.evidence(id)
	h.hold(id)
	face := sandbox.NewFile("face", "image/jpeg", []byte("newest"))
	h.AddAttempt(id, sandbox.Attempt{Status: "approved", Media: []sandbox.File{face}})
	now := h.evidence(id)
	contents := h.contents(now)
	h.listing(id)
	h.restart() // looks at once for what is missing
	h.eventually("the new file is fetched", func() bool { return h.cached(h.files(id)[0]) })
	h.DeleteSession(id)
	h.listing(id)
	h.intact(now, contents)
	h.restart()
	h.intact(now, contents)
	if held := h.the(); held.Attempts != 3 || held.Files != 5 {
		t.Errorf("%+v; before: %d attempts", held, len(old.attempts))
	}
}

// A cache that is full of what is held says so, and all else is read without it.
func TestCacheFullOfHolds(t *testing.T) {
	h := newHouse(t, 3<<20, sandbox.Options{Scale: sandbox.Scale{Sessions: 2, Files: 6, FileSize: 700_000}})
	id, other := h.SessionIDs()[0], h.SessionIDs()[1]
	held := h.hold(id)
	if held.NoRoom == 0 || held.Cached == 0 || !held.Complete.IsZero() || held.Limit != 3<<20 {
		t.Errorf("%+v", held)
	}
	for _, f := range h.files(other) {
		if b, err := h.read(other, f); err != nil || !bytes.Equal(b, h.Bytes(f.ID)) {
			t.Errorf("another session: %v", err)
		}
	}
	if again := h.hold(id); again.Cached != held.Cached {
		t.Errorf("%d files are left of %d", again.Cached, held.Cached)
	}
}

// fresh is a secret that the cache was not opened with before.
const fresh = "0f0f0f0f-0000-4000-8000-00000000000f"

// newHeldAndGone returns a house with a session that is held under its only secret, old,
// and that Veriff has deleted.
func newHeldAndGone(t *testing.T) (h *house, old string, e evidence, contents map[veriff.MediaID][]byte) {
	t.Helper()
	h = newHouse(t, 1<<30, history())
	old = h.Secrets()[0]
	h.SetSecrets(old)
	h.restart()
	id := h.SessionIDs()[0]
	e = h.evidence(id)
	contents = h.contents(e)
	h.warm(warming.Options{})
	h.hold(id)
	h.DeleteSession(id)
	h.listing(id)
	return h, old, e, contents
}

// intactUnderFresh wants all of the held session to be there once what other secrets
// sealed is swept.
func (h *house) intactUnderFresh(e evidence, contents map[veriff.MediaID][]byte) {
	h.t.Helper()
	h.SetSecrets(fresh)
	h.restart()
	h.cache.SweepForeign()
	h.eventually("what the old secret sealed is gone", func() bool { return h.cache.Stats().Foreign == 0 })
	h.intact(e, contents)
}

// What is held outlasts the secret that has sealed it: it is sealed anew while both are
// set, and is intact when the new one alone is.
func TestHeldSessionSurvivesRotation(t *testing.T) {
	h, old, e, contents := newHeldAndGone(t)
	records := func() []string {
		paths, err := filepath.Glob(filepath.Join(h.dir, "*", "holds", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return paths
	}
	first := records()
	h.SetSecrets(fresh, old)
	h.restart()
	h.intact(e, contents)
	h.eventually("the hold leaves the old secret", func() bool {
		now := records()
		return len(now) == 2 && now[0] != first[0] && now[0] != first[1]
	})
	h.intactUnderFresh(e, contents)
}

// Who holds a session again with the new secret alone can't read what is held of it. Once
// both are set it is the hold of all that either knew, and survives the end of the old
// secret.
func TestHoldAgainWithTheNewSecretAlone(t *testing.T) {
	h, old, e, contents := newHeldAndGone(t)
	h.SetSecrets(fresh)
	h.restart()
	if held := h.hold(e.id); held.Files != 0 || held.Foreign == 0 {
		t.Fatalf("it knows what the old secret sealed, or not that there is any: %+v", held)
	}
	h.SetSecrets(fresh, old)
	h.restart()
	if r := h.the(); r.Attempts != len(e.attempts) || r.Complete.IsZero() {
		t.Errorf("the hold under both secrets: %+v", r)
	}
	h.eventually("the hold leaves the old secret", func() bool {
		records, err := filepath.Glob(filepath.Join(h.dir, "*", "holds", "*"))
		return err == nil && len(records) == 2
	})
	h.intactUnderFresh(e, contents)
}

// What may be held by a secret that is not configured is not deleted at Veriff.
func TestNoDeletionBesideForeignHolds(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	h.AllowDeletion(true)
	old := h.Secrets()[0]
	h.SetSecrets(old)
	h.restart()
	id := h.SessionIDs()[0]
	h.hold(id)
	h.SetSecrets(fresh)
	h.restart()
	_, err := h.lib.DeleteAtVeriff(context.Background(), id)
	if _, there := h.Session(id); !errors.Is(err, library.ErrHeld) || !there {
		t.Errorf("%v; it is there: %v", err, there)
	}
	h.SetSecrets(fresh, old)
	h.restart()
	if _, err := h.lib.Release(context.Background(), library.ReleaseOptions{Session: id, Reason: "settled"}); err != nil {
		t.Fatal(err)
	}
	if d, err := h.lib.DeleteAtVeriff(context.Background(), id); err != nil || !d.Accepted {
		t.Errorf("released: %+v, %v", d, err)
	}
}
