package evidence_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
)

// What breaks off is not in a partial bag, which is as good as any other. It can't be
// taken out of an archive again, so there is none.
func TestPartialThatBreaksOff(t *testing.T) {
	h := newHouse(t)
	id := h.ids(1)[0]
	o := h.options()
	o.Partial = true
	cut := &changing{h.source, func(b []byte) []byte { return b[:len(b)-1] }}
	dir := t.TempDir()
	sum, err := evidence.Export(t.Context(), cut, h.plan(exhibit.Selection{}, id), filepath.Join(dir, "case"), o)
	if err != nil || len(sum.Missing) == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	r := check(t, filepath.Join(dir, "case"), evidence.VerifyOptions{})
	if len(r.Problems) != 0 || len(r.Lacks) != len(sum.Missing) {
		t.Errorf("%+v", r)
	}
	_, err = evidence.Export(t.Context(), cut, h.plan(exhibit.Selection{}, id), filepath.Join(dir, "case.zip"), o)
	if !errors.Is(err, evidence.ErrBrokeOff) || !strings.Contains(err.Error(), "arrived changed or cut") {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What an earlier run has written, and is neither whole nor to be had any more, is not in a
// partial bag.
func TestPartialAfterDamage(t *testing.T) {
	h := newHouse(t)
	id := h.ids(1)[0]
	dest := filepath.Join(t.TempDir(), "case")
	o := h.options()
	o.Partial = true
	plan := h.plan(exhibit.Selection{}, id)
	var first exhibit.Item
	stop := errors.New("stopped")
	_, err := evidence.Export(t.Context(), &failing{Source: h.source, fails: func(i exhibit.Item) error {
		if first.Media == "" {
			first = i
			return nil
		}
		return stop
	}}, plan, dest, h.options())
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	written := files(t, dest+".unfinished")
	for name := range written {
		if strings.Contains(name, "/latest/") {
			if err := os.WriteFile(filepath.Join(dest+".unfinished", name), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	sum, err := evidence.Export(t.Context(), &failing{Source: h.source, fails: func(i exhibit.Item) error {
		if i == first {
			return errors.New("gone")
		}
		return nil
	}}, plan, dest, o)
	if err != nil || len(sum.Missing) != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if r := check(t, dest, evidence.VerifyOptions{}); len(r.Problems) != 0 || len(r.Lacks) != 1 {
		t.Errorf("%+v", r)
	}
}
