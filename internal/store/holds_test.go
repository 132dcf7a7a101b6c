package store_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"veriffs/internal/store"
	"veriffs/veriff"
)

// A hold that could not be recorded anew is the same here and for the next process,
// whichever copy of its record the error met.
func TestHoldThatFailsAgain(t *testing.T) {
	session := veriff.SessionID{1, 2, 3, 4, 5, 6, 7, 8}
	for at, want := range []string{"second", "first"} { // the record, its copy, which is written first
		dir := filepath.Join(t.TempDir(), "cache")
		c := openIn(t, dir)
		holds := store.Holds(c)
		if _, err := holds.Add(session, "first", "ann", time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*", "holds", "*"))
		if err != nil || len(files) != 2 {
			t.Fatal(files, err)
		}
		slices.Sort(files)
		if err := os.Remove(files[at]); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(files[at], "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		r, err := holds.Add(session, "second", "bob", time.Time{}, time.Now())
		if err == nil || r == nil || r.Reason != want || holds.Of(session).Reason != want {
			t.Errorf("%+v, %v; want %s", r, err, want)
		}
		if err := os.RemoveAll(files[at]); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if next := store.Holds(openIn(t, dir)).Of(session); next == nil || next.Reason != want {
			t.Errorf("the next process has %+v; want %s", next, want)
		}
	}
}
