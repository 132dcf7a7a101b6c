package library_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

func (h *house) hold(id veriff.SessionID) library.Held {
	h.t.Helper()
	held, err := h.lib.Hold(context.Background(), library.HoldOptions{Session: id, Reason: "claim 4711", By: "ann"})
	if err != nil {
		h.t.Fatal(err)
	}
	return held
}

// evidence is all that there is of a session.
type evidence struct {
	id        veriff.SessionID
	attempts  []sandbox.Attempt
	documents [listing.DocumentKinds][]byte
}

func (h *house) evidence(id veriff.SessionID) (e evidence) {
	h.t.Helper()
	session, _ := h.Session(id)
	e.id, e.attempts = id, session.Attempts
	for kind, of := range map[listing.DocumentKind]sandbox.Kind{
		listing.AttemptsDocument: sandbox.SessionAttempts, listing.DecisionDocument: sandbox.Decision, listing.MediaDocument: sandbox.SessionMedia,
		listing.PersonDocument: sandbox.PersonData, listing.WatchlistDocument: sandbox.Watchlist,
	} {
		e.documents[kind] = h.Document(of, id)
	}
	return e
}

// intact fails unless all of the evidence is shown and readable, with the bytes that
// it had; contents are what the API had.
func (h *house) intact(e evidence, contents map[veriff.MediaID][]byte) {
	h.t.Helper()
	ctx := context.Background()
	if !h.lib.HasSession(e.id) {
		h.t.Error("the session is not shown")
	}
	list, err := h.lib.Session(ctx, e.id)
	if err != nil {
		h.t.Fatal(err)
	}
	for i, a := range e.attempts {
		if i > 0 {
			if list, err = h.lib.Attempt(ctx, a.ID); err != nil {
				h.t.Error(err)
				continue
			}
		}
		for _, want := range a.Media {
			f, ok := list.Find(want.ID)
			if !ok {
				h.t.Errorf("%s does not list %s", list, want.ID)
				continue
			}
			if f.Context() != want.Context || f.MIMEType() != want.MIMEType {
				h.t.Errorf("%s is a %s of %s, not a %s of %s", want.ID, f.MIMEType(), f.Context(), want.MIMEType, want.Context)
			}
			open, err := h.lib.Open(ctx, f)
			if err != nil {
				h.t.Errorf("%s: %v", want.ID, err)
				continue
			}
			got := make([]byte, open.Size())
			if _, err := open.ReadAt(got, 0); err != nil && err != io.EOF || !bytes.Equal(got, contents[want.ID]) {
				h.t.Errorf("%s: other bytes, %v", want.ID, err)
			}
			open.Close()
		}
	}
	for kind, want := range e.documents {
		kind := listing.DocumentKind(kind)
		if kind == listing.HoldDocument {
			continue
		}
		full, err := h.lib.OpenDocument(ctx, e.id, kind)
		body := full.Body
		if kind == listing.MediaDocument { // or what the API answers by now
			if now := h.Document(sandbox.SessionMedia, e.id); bytes.Equal(body, now) {
				want = now
			}
		}
		if err != nil || !bytes.Equal(body, want) {
			h.t.Errorf("%s: %v", kind, err)
		}
	}
}

// contents are the bytes of all files.
func (h *house) contents(e evidence) map[veriff.MediaID][]byte {
	all := make(map[veriff.MediaID][]byte)
	for _, a := range e.attempts {
		for _, f := range a.Media {
			all[f.ID] = h.Bytes(f.ID)
		}
	}
	return all
}

// damage flips the last bit of what a glob below the cache's directory finds.
func damage(t *testing.T, pattern string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v, %v", pattern, paths, err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err == nil {
			b[len(b)-1] ^= 1
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A held session survives whatever happens to it, at Veriff and here, and a remount
// after that. Without the hold, each of these takes something away.
func TestHeldSessionSurvives(t *testing.T) {
	erase := func(h *house, err error) {
		h.t.Helper()
		if !errors.Is(err, library.ErrHeld) {
			h.t.Errorf("an erasure of what is held: %v", err)
		}
	}
	later := func(h *house) { // when every listing is stale
		h.now = func() time.Time { return time.Now().Add(time.Hour).Round(0) }
		h.restart()
	}
	settle := func(h *house) { h.eventually("no erasure is at work", func() bool { return !h.lib.Erasing() }) }
	for name, happens := range map[string]func(h *house, id veriff.SessionID){
		"a signed 404 of the session": func(h *house, id veriff.SessionID) {
			h.DeleteSession(id)
			h.listing(id)
			settle(h)
		},
		"a signed 404 of the session, met by its documents": func(h *house, id veriff.SessionID) {
			h.DeleteSession(id)
			later(h)
			for kind := range listing.DocumentKinds {
				h.lib.Document(context.Background(), id, kind)
			}
		},
		"a signed 404 of an attempt": func(h *house, id veriff.SessionID) {
			session, _ := h.Session(id)
			h.Set(sandbox.Match{Kind: sandbox.AttemptMedia, ID: session.Attempts[1].ID.String()}, sandbox.Status(404))
			later(h)
			h.lib.Attempt(context.Background(), session.Attempts[1].ID)
			settle(h)
		},
		"a listing that lacks a file": func(h *house, id veriff.SessionID) {
			h.DeleteMedia(h.files(id)[0].ID)
			asked := h.Set(sandbox.Match{Kind: sandbox.AttemptMedia})
			h.listing(id)
			h.eventually("the attempt's own listing is asked", func() bool { return asked.Hits() > 0 })
			settle(h)
		},
		"an older attempt's listing that lacks a file": func(h *house, id veriff.SessionID) {
			session, _ := h.Session(id)
			h.DeleteMedia(session.Attempts[1].Media[0].ID)
			later(h)
			h.lib.Attempt(context.Background(), session.Attempts[1].ID)
			settle(h)
		},
		"an eviction": func(h *house, id veriff.SessionID) {
			h.DeleteSession(id)
			if e, err := h.lib.Evict(context.Background(), nil); err != nil || e.Files == 0 {
				h.t.Errorf("%+v, %v", e, err)
			}
		},
		"a purge of the session": func(h *house, id veriff.SessionID) {
			e, err := h.lib.EraseSession(context.Background(), id)
			erase(h, err)
			if len(e.Held) != 1 || e.Held[0].Reason != "claim 4711" || len(e.Erased) != 0 {
				h.t.Errorf("%+v", e)
			}
		},
		"a purge of everything": func(h *house, id veriff.SessionID) {
			before := h.cache.Stats().Objects
			e, err := h.lib.EraseAll(context.Background(), false)
			erase(h, err)
			if len(e.Held) != 1 || h.cache.Stats().Objects != before {
				h.t.Errorf("%+v", e)
			}
		},
		"a purge of everything else": func(h *house, id veriff.SessionID) {
			e, err := h.lib.EraseAll(context.Background(), true)
			if err != nil || !e.Proven || len(e.Held) != 1 || len(e.Erased) == 0 {
				h.t.Errorf("%+v, %v", e, err)
			}
			for _, f := range h.files(h.SessionIDs()[1]) {
				if h.cached(f) {
					h.t.Error("a file of another session is left")
				}
			}
		},
		"leaving the sessions file": func(h *house, id veriff.SessionID) { h.lib.SetSessions(nil) },
		"losing the catalog": func(h *house, id veriff.SessionID) {
			h.DeleteSession(id)
			h.down()
			h.openCache()
			if err := h.cache.Remove("catalog"); err != nil {
				h.t.Fatal(err)
			}
			h.cache.Close()
			h.unlisted = true
			h.up()
		},
		"damage to one copy of its record": func(h *house, id veriff.SessionID) {
			h.down()
			damage(h.t, filepath.Join(h.dir, "*", "holds", "*.copy"))
			h.up()
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 1<<30, history())
			id := h.SessionIDs()[0]
			h.warm(warming.Options{})
			e := h.evidence(id)
			contents := h.contents(e)
			held := h.hold(id)
			if held.Complete.IsZero() || held.Cached != 4 || held.Files != 4 || held.Attempts != 2 || held.NoRoom != 0 {
				t.Fatalf("%+v", held)
			}
			happens(h, id)
			if !t.Failed() {
				h.intact(e, contents)
			}
			h.restart()
			h.intact(e, contents)
			h.lib.Close()
		})
	}
}
