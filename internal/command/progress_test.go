package command

import (
	"strings"
	"testing"
	"time"

	"veriffs/internal/warming"
)

// TestProgressShowsWaiting: the bar and the lines say that a warming waits,
// the lines at once the first time and then as often as they say anything.
func TestProgressShowsWaiting(t *testing.T) {
	const waits = "waiting 1m0s (the API asked for fewer requests)"
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	p := warming.Progress{Sessions: 1, Done: 1, Files: 2, Fetched: 1, Bytes: 2, FetchedBytes: 1}
	held := p
	held.HeldUntil = now.Add(time.Minute)

	var out strings.Builder
	l := &lines{w: &out, now: func() time.Time { return now }, last: now}
	l.update(p)
	if out.Len() > 0 {
		t.Errorf("a line too early: %s", out.String())
	}
	l.update(held)
	l.update(held)
	if got := out.String(); strings.Count(got, waits) != 1 || strings.Count(got, "\n") != 1 {
		t.Errorf("the lines: %q", got)
	}
	now = now.Add(lineInterval)
	l.update(held)
	l.update(p)
	if got := out.String(); !strings.Contains(got, "waiting 50s") || strings.Count(got, "\n") != 2 {
		t.Errorf("the lines: %q", got)
	}

	out.Reset()
	held.HeldUntil = time.Now().Add(time.Hour)
	b := &bar{w: &out}
	b.update(held)
	if got := out.String(); !strings.Contains(got, "(the API asked for fewer requests)") {
		t.Errorf("the bar: %q", got)
	}
	b.end()
}
