package library_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"veriffs/internal/library"
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
