package library_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// As long as nobody knows whom a hold is of, nothing of anybody is erased.
func TestUnreadableHoldErasesNothing(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id, other := h.SessionIDs()[0], h.SessionIDs()[1]
	ctx := context.Background()
	h.warm(warming.Options{})
	h.hold(id)
	files, others := h.files(id), h.files(other)
	h.down()
	damage(t, filepath.Join(h.dir, "*", "holds", "*"))
	h.up()
	for what, err := range map[string]error{
		"a session":    second(h.lib.EraseSession(ctx, other)),
		"all":          second(h.lib.EraseAll(ctx, false)),
		"all but held": second(h.lib.EraseAll(ctx, true)),
		"the list":     second(h.lib.Holds(ctx)),
	} {
		if !errors.Is(err, library.ErrHeld) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.DeleteSession(id)
	h.DeleteSession(other)
	h.loses(id)
	h.loses(other)
	h.restart()
	for _, f := range append(files, others...) {
		if !h.cached(f) {
			t.Errorf("%s was erased", f.ID)
		}
	}
	h.hold(id)
	if g := h.the().Gone; g == nil || g.Session.IsZero() {
		t.Errorf("%+v", g)
	}
	h.restart()
	h.eventually("the other session is erased", func() bool { return !h.cached(others[0]) && !h.cached(others[1]) })
	if !h.cached(files[0]) || !h.cached(files[1]) {
		t.Error("so is the one that is held again")
	}
}

func second[T any](_ T, err error) error { return err }

// A held decision is not replaced by none.
func TestEmptiedDecisionOfAHeldSession(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	want := h.Document(sandbox.Decision, id)
	h.hold(id)
	h.Set(sandbox.Match{Kind: sandbox.Decision}, sandbox.Body(200, "application/json", []byte(`{"status":"success","verification":null}`)))
	h.now = func() time.Time { return time.Now().Add(time.Hour).Round(0) }
	h.restart()
	for range 2 {
		if full, err := h.lib.OpenDocument(context.Background(), id, listing.DecisionDocument); err != nil || !bytes.Equal(full.Body, want) {
			t.Errorf("%s, %v", full.Body, err)
		}
	}
	if g := h.the().Gone; g == nil || len(g.Documents) != 1 || g.Documents[0].ID != "decision.json" {
		t.Errorf("%+v", g)
	}
}

// Nor are its other documents replaced by emptier ones, those of its listing included.
func TestEmptiedDocumentsOfAHeldSession(t *testing.T) {
	for kind, tt := range map[listing.DocumentKind]struct {
		asked sandbox.Kind
		body  string
	}{
		listing.PersonDocument:   {sandbox.PersonData, `{"status":"success","person":{}}`},
		listing.AttemptsDocument: {sandbox.SessionAttempts, `{"status":"success","verifications":[]}`},
		listing.MediaDocument:    {sandbox.SessionMedia, `{"status":"success","images":[],"videos":[]}`},
	} {
		t.Run(kind.String(), func(t *testing.T) {
			h := newHouse(t, 1<<30, history())
			id := h.SessionIDs()[0]
			h.hold(id)
			before, err := h.lib.OpenDocument(context.Background(), id, kind)
			if err != nil {
				t.Fatal(err)
			}
			h.Set(sandbox.Match{Kind: tt.asked}, sandbox.Body(200, "application/json", []byte(tt.body)))
			for range 2 {
				h.hold(id)
				if now, err := h.lib.OpenDocument(context.Background(), id, kind); err != nil || !bytes.Equal(now.Body, before.Body) {
					t.Errorf("%s, %v", now.Body, err)
				}
				h.restart()
			}
			if g := h.the().Gone; g == nil || len(g.Documents) != 1 || g.Documents[0].ID != kind.Name() {
				t.Errorf("%+v", g)
			}
		})
	}
}

// The hold of a session that nobody knows is recorded, and says that there is nothing.
func TestHoldOfNothing(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id, err := veriff.ParseSessionID("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d")
	if err != nil {
		t.Fatal(err)
	}
	held := h.hold(id)
	if !held.Complete.IsZero() || held.Files != 0 || held.Hold.Gone == nil {
		t.Errorf("%+v", held)
	}
	if h.lib.HasSession(id) {
		t.Error("it is shown")
	}
	h.ResetRequests()
	h.lib.ForgetListing(id)
	if _, err := h.lib.Session(context.Background(), id); !errors.Is(err, library.ErrNotFound) {
		t.Error(err)
	}
	if n := h.Requests().Total; n != 0 {
		t.Errorf("it was asked for again: %d requests", n)
	}
}

// A file that is damaged here and gone at Veriff is an error for itself alone.
func TestDamagedFileOfAHeldSession(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	h.hold(id)
	files := h.files(id)
	h.DeleteSession(id)
	list := h.listing(id)
	h.down()
	h.openCache()
	o, _ := h.cache.Get(cache.Key("media/" + files[0].ID.String()))
	size := o.Size()
	o.Close()
	h.cache.Close()
	found := 0
	filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if info, _ := d.Info(); err == nil && info.Mode().IsRegular() && info.Size() == 2048+size+16 && found == 0 {
			found++
			damage(t, path)
		}
		return nil
	})
	h.up()
	failed := 0
	for i := range list.Files {
		f := &list.Files[i]
		open, err := h.lib.Open(context.Background(), f)
		if err == nil {
			_, err = open.ReadAt(make([]byte, open.Size()), 0)
			open.Close()
		}
		if err != nil {
			failed++
		}
	}
	if found != 1 || failed > 1 {
		t.Errorf("%d files were damaged, %d failed", found, failed)
	}
}
