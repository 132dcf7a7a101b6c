package library_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"veriffs/internal/store"
	"veriffs/veriff/sandbox"
)

// TestOpenAttemptList: the listing of an attempt is had verbatim, with who signed
// it, and also when the cache has lost it.
func TestOpenAttemptList(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.Sessions()[0].Attempts[0].ID
	for _, lost := range []bool{false, true} {
		if lost {
			if err := h.cache.Remove(store.AttemptList(id)); err != nil {
				t.Fatal(err)
			}
		}
		l, err := h.lib.OpenAttemptList(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(l.Body)
		if l.Label.SHA256 != hex.EncodeToString(sum[:]) || l.Label.Signature == "" || l.Label.SecretID == "" || l.Label.Attempt != id.String() || l.Fetched != lost {
			t.Errorf("lost %v: %+v", lost, l.Label)
		}
	}
}
