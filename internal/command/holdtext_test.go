package command

import (
	"strings"
	"testing"
	"time"

	"veriffs/internal/bucket"
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
	const name = "holds/0123456789abcdef0123456789abcdef"
	object := []bucket.Info{{Name: name, Size: 5}}
	for _, c := range []struct {
		err   team.UnreadableError
		hints []string
	}{
		{team.UnreadableError{Store: "file:///srv/a b", Objects: object}, []string{
			"check that the secret is not mistyped", "ls -l '/srv/a b/" + name + "'", "rm '/srv/a b/" + name + "'"}},
		{team.UnreadableError{Store: "s3://media/emea/veriff", Objects: object}, []string{
			"check that the secret is not mistyped", "list-object-versions --bucket media --prefix emea/veriff/" + name,
			"delete-object --bucket media --key emea/veriff/" + name + " --version-id ID"}},
		{team.UnreadableError{Store: "s3://media", Unknown: object}, []string{"a newer version", "--bucket media --key " + name}},
	} {
		err := heldTrouble(&library.HeldError{UnreadableNotices: &c.err})
		problem, hint, _ := explain(t.Context(), err)
		if !strings.Contains(problem, c.err.Store+"/"+name+" (5 bytes where a hold has 6184, put ") {
			t.Error(problem)
		}
		for _, want := range c.hints {
			if !strings.Contains(hint, want) {
				t.Errorf("%q lacks %q", hint, want)
			}
		}
	}
}
