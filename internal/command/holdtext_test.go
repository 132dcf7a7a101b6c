package command

import "testing"

// A reason that an older version took is shown, and does nothing to the terminal.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"claim 4711, Zürich": "claim 4711, Zürich",
		"a\x1b[2Jb\nc":       `a\u001b[2Jb\u000ac`,
		"a\u202eb\u009bc":    `a\u202eb\u009bc`,
		"a\xffb\ufffd":       `a\xffb` + "\ufffd",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}
