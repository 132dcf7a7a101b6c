package library_test

import (
	"fmt"
	"testing"

	"veriffs/veriff/sandbox"
)

func TestStatsTellWhereOpensWereAnsweredFrom(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.withFiles(2)
	good, bad := h.files(id)[0], h.files(id)[1]
	h.Set(sandbox.Match{Kind: sandbox.Media, ID: bad.ID.String()}, sandbox.Unsigned())
	for range 3 {
		if _, err := h.read(id, good); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.read(id, bad); err == nil {
		t.Fatal("an unsigned file was opened")
	}
	s := h.lib.Stats()
	if got := fmt.Sprint(s.Opens, s.Cached, s.Failed); got != "3 2 1" {
		t.Errorf("opens, cached, failed: %s", got)
	}
	if s.Sessions != len(h.SessionIDs()) || s.Offline != nil || s.API.FirstByte.Count == 0 || s.API.FirstByte.Quantile(0.99) == 0 {
		t.Errorf("%+v", s)
	}
}
