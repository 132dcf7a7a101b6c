package library_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// newest is what a new attempt has.
func newest() sandbox.Attempt {
	return sandbox.Attempt{Status: "approved", Media: []sandbox.File{sandbox.NewFile("face", "image/jpeg", []byte("newest"))}}
}

// once answers the next request for a session's media with what was listed before.
func (h *house) once(id veriff.SessionID, media []byte) {
	h.Set(sandbox.Match{Kind: sandbox.SessionMedia, ID: id.String(), Times: 1}, sandbox.Body(200, "application/json", media))
}

// fetch opens the files of a listing and pins them, and returns the attempt that
// the first one is labelled with.
func (h *house) fetch(list *library.Listing) string {
	h.t.Helper()
	var attempt string
	for i := range list.Files {
		open, err := h.lib.Open(context.Background(), &list.Files[i])
		if err != nil {
			h.t.Fatal(err)
		}
		attempt = open.Label().Attempt
		open.Close()
	}
	if _, err := h.lib.Pin(context.Background(), list.Session.String()); err != nil {
		h.t.Fatal(err)
	}
	return attempt
}

// kept checks that a file is in the cache and pinned.
func (h *house) kept(f sandbox.File) {
	h.t.Helper()
	if !h.cached(f) || !h.cache.Pinned(cache.Key("media/"+f.ID.String())) {
		h.t.Errorf("%s, which is still listed, was erased", f.ID)
	}
}

// The API lists an attempt's files while a newer one is just beginning, so that
// they are credited to it. What none of the two lists any more is erased, and
// nothing else.
func TestFilesCreditedToTheNextAttempt(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	files, before := h.files(id), h.Document(sandbox.SessionMedia, id)
	next, _ := h.AddAttempt(id, newest())
	h.once(id, before)
	if credited := h.fetch(h.listing(id)); credited != next.ID.String() {
		t.Fatalf("the files are credited to %s, so the test proves nothing", credited)
	}
	h.DeleteMedia(files[0].ID)
	h.listing(id)
	h.eventually("the deleted file leaves the cache", func() bool { return !h.cached(files[0]) })
	h.kept(files[1])
}

// A listing that was stored is that of the attempt it came from, whatever attempt
// is the newest by now.
func TestStoredListingIsOfItsOwnAttempt(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	session, _ := h.Session(id)
	files := h.files(id)
	h.listing(id)
	next, _ := h.AddAttempt(id, newest())
	if _, err := h.lib.Attempt(context.Background(), next.ID); err != nil { // the attempts are known anew
		t.Fatal(err)
	}
	h.restart()
	list, err := h.lib.Session(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if credited, want := h.fetch(list), session.Attempts[0].ID.String(); credited != want {
		t.Errorf("a file of the attempt %s is labelled as one of %s", want, credited)
	}
	h.restart()
	h.listing(id)
	h.lib.Close() // ends what the background has begun
	for _, f := range files {
		h.kept(f)
	}
}

// The media are asked for again when the attempts that came with them show a newer
// attempt than was known.
func TestListingOfANewAttempt(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	h.listing(id)
	before := h.Document(sandbox.SessionMedia, id)
	next, _ := h.AddAttempt(id, newest())
	h.once(id, before)
	list := h.listing(id)
	if list.Attempt != next.ID || len(list.Files) != 1 || !list.Has(next.Media[0].ID) {
		t.Errorf("the newest attempt is listed with %d files, among them its own: %v", len(list.Files), list.Has(next.Media[0].ID))
	}
}

// A file that was credited to the attempt before its own, because the attempts could
// not be asked for, stays when that attempt loses another.
func TestFileCreditedToTheAttemptBefore(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	var later atomic.Int64
	h.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	h.restart()
	id := h.SessionIDs()[0]
	session, _ := h.Session(id)
	first, files := session.Attempts[0].ID, h.files(id)
	h.fetch(h.listing(id))
	h.warmAttempt(first)
	next, _ := h.AddAttempt(id, newest())
	failing := h.Set(sandbox.Match{Kind: sandbox.SessionAttempts}, sandbox.Status(404))
	if credited := h.fetch(h.listing(id)); credited != first.String() {
		t.Fatalf("the file is credited to %s, so the test proves nothing", credited)
	}
	h.AddAttempt(id, newest())
	failing.Remove()
	h.DeleteMedia(files[0].ID)
	later.Store(int64(time.Hour))
	if _, err := h.lib.Attempt(context.Background(), first); err != nil {
		t.Fatal(err)
	}
	h.eventually("the deleted file leaves the cache", func() bool { return !h.cached(files[0]) })
	h.kept(files[1])
	h.kept(next.Media[0])
}
