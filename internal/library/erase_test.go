package library_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

func TestEraseSessionErasesThatSessionAlone(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.withFiles(2)
	// A file of an earlier attempt is erased, too.
	earlier := h.files(id)
	h.warm(warming.Options{})
	h.AddAttempt(id, sandbox.Attempt{Status: "approved", Media: []sandbox.File{sandbox.NewFile("face", "image/jpeg", []byte("another face"))}})
	h.lib.ForgetListing(id)
	h.warm(warming.Options{Sessions: []veriff.SessionID{id}})
	mine := append(slices.Clone(earlier), h.files(id)...)
	before := h.objects()

	erasure, err := h.lib.EraseSession(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(mine) + 2; len(erasure.Erased) != want { // and both lists
		t.Errorf("%d objects erased, not %d", len(erasure.Erased), want)
	}
	if erasure.Remaining != 0 || erasure.Scans < 2 || erasure.Session != id.String() || erasure.Pages != "none" {
		t.Errorf("%+v", erasure)
	}
	for _, f := range mine {
		if h.cached(f) {
			t.Errorf("%s is still in the cache", f.ID)
		}
	}
	for _, other := range h.SessionIDs() {
		for _, f := range h.files(other) {
			if other != id && !h.cached(f) {
				t.Errorf("%s of another session is gone", f.ID)
			}
		}
	}
	// The report names files that were there and are not any more.
	after := h.objects()
	for _, e := range erasure.Erased {
		if !slices.Contains(before, e.Hash) || slices.Contains(after, e.Hash) {
			t.Errorf("%s: there before: %v, after: %v", e.Hash, slices.Contains(before, e.Hash), slices.Contains(after, e.Hash))
		}
	}
	text, err := json.Marshal(erasure)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range mine {
		if bytes.Contains(text, []byte(f.ID.String())) {
			t.Error("the report names a file by its id")
		}
	}
	h.ResetRequests()
	h.restart()
	h.warm(warming.Options{})
	if n, want := h.media(), len(h.files(id)); n != want {
		t.Errorf("%d files were fetched again, not %d", n, want)
	}
}

// objects are the names of the files in the cache.
func (h *house) objects() (names []string) {
	h.t.Helper()
	err := filepath.WalkDir(h.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return names
}

func TestEraseAll(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	h.warm(warming.Options{})
	erasure, err := h.lib.EraseAll(context.Background(), false)
	if err != nil {
		t.Fatal(err)
	}
	if n := h.cache.Stats().Objects; n != 0 || len(erasure.Erased) < len(h.allFiles()) {
		t.Errorf("%d objects left, %d erased", n, len(erasure.Erased))
	}
	for _, id := range h.SessionIDs() {
		if !h.lib.Created(id).IsZero() {
			t.Error("the date of a session is still known")
		}
	}
	h.restart()
	if n := h.cache.Stats().Objects; n != 0 {
		t.Errorf("%d objects came back", n)
	}
}
