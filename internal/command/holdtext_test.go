package command

import (
	"strings"
	"testing"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/team"
)

// A hold whose time has run out stands until a mount ends it, and says so.
func TestUntilText(t *testing.T) {
	for until, over := range map[time.Time]bool{{}: false, time.Now().Add(time.Hour): false, time.Now().Add(-time.Hour): true} {
		if got := untilText(library.Hold{Until: until}); strings.Contains(got, "(over: a mount ends it)") != over {
			t.Errorf("%v: %s", until, got)
		}
	}
}

// Who is told that a hold can't be read looks at the secret before removing anything.
func TestHintOfUnreadableNotices(t *testing.T) {
	err := heldTrouble(&library.HeldError{UnreadableNotices: &team.UnreadableError{Objects: []string{"holds/x"}}})
	_, hint, _ := explain(t.Context(), err)
	if !strings.HasPrefix(hint, "check that the secret is not mistyped") {
		t.Error(hint)
	}
}
