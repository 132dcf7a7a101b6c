package library_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// A held session is there though the API refuses to say anything, as it does once the
// account is closed, or answers without a signature that there is none. Another one is not.
// Who holds it again learns what the API says.
func TestHeldSessionWhenTheAPIRefuses(t *testing.T) {
	for name, refuse := range map[string]func(h *house){
		"the account is closed":     func(h *house) { h.SetActive(false) },
		"not found, but not signed": func(h *house) { h.Set(sandbox.Match{}, sandbox.Status(404), sandbox.Unsigned()) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 1<<30, history())
			h.verify = veriff.VerifyPresent
			h.restart()
			id, other := h.SessionIDs()[0], h.SessionIDs()[1]
			e := h.evidence(id)
			contents := h.contents(e)
			h.hold(id)
			h.warm(warming.Options{Sessions: []veriff.SessionID{other}})
			h.now = func() time.Time { return time.Now().Add(time.Hour).Round(0) } // every listing is stale
			refuse(h)
			h.restart()
			h.intact(e, contents)
			if _, err := h.lib.Session(context.Background(), other); err == nil {
				t.Error("a session that is not held is listed")
			}
			held := h.hold(id)
			if len(held.Failures) == 0 || !held.Complete.IsZero() {
				t.Errorf("held again: %+v", held)
			}
			h.intact(e, contents)
			if _, err := h.lib.EraseSession(context.Background(), id); !errors.Is(err, library.ErrHeld) {
				t.Error(err)
			}
		})
	}
}

// Who reads a held session while somebody holds it again is served what is there, though
// the API refuses just then.
func TestHeldSessionReadWhileItIsHeldAgain(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	e := h.evidence(id)
	h.hold(id)
	h.now = func() time.Time { return time.Now().Add(time.Hour).Round(0) } // every listing is stale
	h.restart()
	asked := h.Set(sandbox.Match{Kind: sandbox.SessionMedia, ID: id.String()}, sandbox.Stall(0))
	h.SetActive(false)
	held := make(chan library.Held)
	go func() { held <- h.hold(id) }()
	if err := asked.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for _, a := range e.attempts {
		if _, err := h.lib.Attempt(t.Context(), a.ID); err != nil {
			t.Errorf("attempt %s: %v", a.ID, err)
		}
	}
	for _, kind := range []listing.DocumentKind{listing.DecisionDocument, listing.PersonDocument, listing.WatchlistDocument} {
		if _, err := h.lib.OpenDocument(t.Context(), id, kind); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	asked.Release()
	if got := <-held; len(got.Failures) != 1 || !strings.Contains(got.Failures[0].Error, "not active") || !got.Complete.IsZero() {
		t.Errorf("held again: %+v", got)
	}
}

// A list that could not be had anew keeps a hold from counting as complete, and keeps
// nothing from being fetched that the last one has.
func TestHoldByAStaleList(t *testing.T) {
	for _, kind := range []sandbox.Kind{sandbox.SessionMedia, sandbox.AttemptMedia, sandbox.Decision} {
		t.Run(string(kind), func(t *testing.T) {
			h := newHouse(t, 1<<30, history())
			id := h.SessionIDs()[0]
			h.listing(id)
			for _, a := range h.evidence(id).attempts {
				if _, err := h.lib.Attempt(t.Context(), a.ID); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := h.lib.Document(t.Context(), id, listing.DecisionDocument); err != nil {
				t.Fatal(err)
			}
			fault := h.Set(sandbox.Match{Kind: kind}, sandbox.Body(500, "text/plain", nil))
			held := h.hold(id)
			if len(held.Failures) == 0 || !held.Complete.IsZero() || held.Cached != 4 {
				t.Errorf("%+v", held)
			}
			fault.Remove()
			if held := h.hold(id); len(held.Failures) != 0 || held.Complete.IsZero() {
				t.Errorf("once it answers: %+v", held)
			}
		})
	}
}

// TestHoldWhileAPurgeWaits: what is held after it was found that nothing is, while the purge
// waits for another one, stays, and neither receipt claims otherwise.
func TestHoldWhileAPurgeWaits(t *testing.T) {
	for _, name := range []string{"session", "all"} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 1<<30, history())
			h.passive = true // nothing ends a hold by itself
			h.restart()
			h.warm(warming.Options{})
			ctx, ids := t.Context(), h.SessionIDs()
			hold := func(until time.Time) {
				t.Helper()
				if _, err := h.lib.Hold(ctx, library.HoldOptions{Session: ids[1], Reason: "x", Until: until}); err != nil {
					t.Fatal(err)
				}
			}
			hold(time.Now().Add(-time.Hour))
			told := make(chan func(), 2) // the kernel that an erasure waits for
			h.lib.Observe(func(c library.Change) {
				if c.Done != nil {
					told <- c.Done
				}
			})
			erase := func(f func() (library.Erasure, error)) <-chan library.Erasure {
				ended := make(chan library.Erasure, 1)
				go func() {
					e, err := f()
					if err != nil {
						t.Error(err)
					}
					ended <- e
				}()
				return ended
			}
			first := erase(func() (library.Erasure, error) { return h.lib.EraseSession(ctx, ids[0]) })
			answer := <-told
			second := erase(func() (library.Erasure, error) { return h.erasures(ids[1])[name](ctx) })
			h.eventually("the purge has ended the hold whose time has run out", func() bool {
				held, err := h.lib.Holds(ctx)
				return err == nil && len(held) == 0
			})
			hold(time.Time{})
			answer()
			if e := <-first; !e.Proven || len(e.Held) != 0 {
				t.Errorf("the purge of the other session: %+v", e)
			}
			(<-told)()
			if e := <-second; e.Proven || len(e.Held) != 1 || e.Held[0].Session != ids[1].String() {
				t.Errorf("the one that waited: %+v", e)
			}
			for _, f := range h.files(ids[1]) {
				if !h.cached(f) {
					t.Errorf("%s is gone, which is held", f.ID)
				}
			}
		})
	}
}
