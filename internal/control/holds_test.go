package control

import (
	"errors"
	"testing"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/retention"
	"veriffs/veriff"
)

// Holds are made, shown and ended through the socket, and what they forbid is told
// with who forbids it.
func TestHoldsThroughTheSocket(t *testing.T) {
	h := newHouse(t, Options{})
	ctx := t.Context()
	id, other := h.SessionIDs()[0], h.SessionIDs()[1]
	until := time.Now().Add(time.Hour).Round(0)
	held, err := h.client.Hold(ctx, library.HoldOptions{Session: id, Reason: "claim", By: "ann", Until: until})
	if err != nil || held.Reason != "claim" || held.By != "ann" || !held.Until.Equal(until) || held.Cached == 0 || held.Complete.IsZero() {
		t.Fatalf("%+v, %v", held, err)
	}
	if all, err := h.client.Holds(ctx); err != nil || len(all) != 1 || all[0].Session != id.String() {
		t.Errorf("%+v, %v", all, err)
	}
	if e, err := h.client.EraseSession(ctx, id); !errors.Is(err, library.ErrHeld) || len(e.Held) != 1 || e.Held[0].Reason != "claim" {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := h.client.EraseAll(ctx, false); !errors.Is(err, library.ErrHeld) || len(e.Held) != 1 || len(e.Erased) != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := h.client.EraseAll(ctx, true); err != nil || len(e.Held) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := h.client.DeleteAtVeriff(ctx, id); !errors.Is(err, library.ErrHeld) {
		t.Errorf("deleting at Veriff what is held: %v", err)
	}
	if _, err := h.client.DeleteAtVeriff(ctx, other); !errors.Is(err, veriff.ErrRefused) {
		t.Errorf("deleting, which is switched off: %v", err)
	}
	h.AllowDeletion(true)
	if d, err := h.client.DeleteAtVeriff(ctx, other); err != nil || !d.Accepted {
		t.Errorf("%+v, %v", d, err)
	}
	r, err := h.client.Retention(ctx, []veriff.SessionID{id})
	if err != nil || len(r.Sessions) != 1 || r.Sessions[0].Why != retention.WhyHeld || r.Sessions[0].Files != held.Cached || r.Sessions[0].Hold.Reason != "claim" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := h.client.Release(ctx, library.ReleaseOptions{Session: id, Reason: "settled"}); err != nil {
		t.Error(err)
	}
	if _, err := h.client.Release(ctx, library.ReleaseOptions{Session: id, Reason: "settled"}); !errors.Is(err, library.ErrNoHold) {
		t.Error(err)
	}
	if err := h.client.ReleaseUnreadable(ctx, "lost"); err != nil {
		t.Error(err)
	}
}
