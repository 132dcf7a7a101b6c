package command

import (
	"strings"
	"testing"
	"time"

	"veriffs/internal/library"
)

// A hold whose time has run out stands until a mount ends it, and says so.
func TestUntilText(t *testing.T) {
	for until, over := range map[time.Time]bool{{}: false, time.Now().Add(time.Hour): false, time.Now().Add(-time.Hour): true} {
		if got := untilText(library.Hold{Until: until}); strings.Contains(got, "(over: a mount ends it)") != over {
			t.Errorf("%v: %s", until, got)
		}
	}
}
