package library_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// A file that its attempt no longer lists leaves the cache, also for those who
// have met it before; its neighbours stay, and so do the files of an attempt
// that a newer one has replaced.
func TestFileThatIsNoLongerListed(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	h.warm(warming.Options{})
	files := h.files(id)
	before := h.listing(id)
	h.DeleteMedia(files[0].ID)
	h.listing(id)
	h.eventually("the deleted file leaves the cache", func() bool { return !h.cached(files[0]) })
	if !h.cached(files[1]) {
		t.Error("a file that is still listed left the cache")
	}
	for i := range before.Files {
		if err := h.opens(&before.Files[i]); before.Files[i].ID == files[0].ID && !errors.Is(err, library.ErrNotFound) {
			t.Errorf("the deleted file opens: %v", err)
		}
	}

	h.AddAttempt(id, sandbox.Attempt{Status: "approved", Media: []sandbox.File{sandbox.NewFile("face", "image/jpeg", []byte("newest"))}})
	h.listing(id)
	h.lib.Close() // ends what the background has begun
	if !h.cached(files[1]) {
		t.Error("a file of the attempt before left the cache with the new one")
	}
}

// The media list may be that of a newer attempt while the list of attempts does
// not have it yet. The older one's files are no less there for that.
func TestAttemptThatChangesBetweenTwoLists(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	h.warm(warming.Options{})
	files := h.files(id)
	attempts := h.Document(sandbox.SessionAttempts, id)
	h.AddAttempt(id, sandbox.Attempt{Status: "approved", Media: []sandbox.File{sandbox.NewFile("face", "image/jpeg", []byte("newest"))}})
	asked := h.Set(sandbox.Match{Kind: sandbox.AttemptMedia}) // counts
	h.Set(sandbox.Match{Kind: sandbox.SessionAttempts}, sandbox.Body(200, "application/json", attempts))
	h.listing(id)
	h.eventually("the attempt's own listing is asked", func() bool { return asked.Hits() > 0 })
	h.lib.Close()
	for _, f := range files {
		if !h.cached(f) {
			t.Errorf("%s left the cache, but its attempt lists it", f.ID)
		}
	}
}

// The API's word that a session is gone erases all of it: also files of
// attempts that nobody entered since, and those whose listing was evicted.
func TestDeletedSessionIsErasedByLabel(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id, other := h.SessionIDs()[0], h.SessionIDs()[1]
	session, _ := h.Session(id)
	h.warm(warming.Options{})
	h.warmAttempt(session.Attempts[1].ID)
	all := append(session.Attempts[0].Media, session.Attempts[1].Media...)
	// The next process finds neither the listings nor the catalog.
	h.down()
	h.openCache()
	for _, key := range []string{"session/" + id.String() + "/media", "session/" + id.String() + "/attempts",
		"attempt/" + session.Attempts[1].ID.String() + "/media", "catalog"} {
		if err := h.cache.Remove(cache.Key(key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.cache.Close(); err != nil {
		t.Fatal(err)
	}
	h.unlisted = true
	h.up()
	h.DeleteSession(id)
	h.loses(id)
	for _, f := range all {
		h.eventually("the files of the deleted session leave the cache", func() bool { return !h.cached(f) })
	}
	for _, f := range h.files(other) {
		if !h.cached(f) {
			t.Error("a file of another session left the cache")
		}
	}
}

// Whoever has met a file of a session that is gone can't open it any more, also
// while it is still being erased.
func TestFileOfADeletedSessionDoesNotOpen(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	h.warm(warming.Options{})
	met := h.listing(id)
	end := h.lib.Occupy(id) // the erasure waits for it
	h.DeleteSession(id)
	h.loses(id)
	for i := range met.Files {
		if err := h.opens(&met.Files[i]); !errors.Is(err, library.ErrNotFound) {
			t.Errorf("a file of the deleted session opens: %v", err)
		}
	}
	end()
}

// What was to be erased when the process ended is erased by the next one.
func TestErasureGoesOnAfterARestart(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	h.warm(warming.Options{})
	files := h.files(id)
	h.lib.Occupy(id) // the erasure waits for it
	h.DeleteSession(id)
	h.loses(id)
	h.restart() // gives the erasure up
	h.ResetRequests()
	h.eventually("the next process erases the deleted session", func() bool { return !h.cached(files[0]) && !h.cached(files[1]) })
	if n := h.Requests().Total; n != 0 {
		t.Errorf("it cost %d requests", n)
	}
}

// Without a signature, "not found" is no reason to destroy anything, whatever
// of signatures is demanded.
func TestUnsignedNotFoundErasesNothing(t *testing.T) {
	for _, mode := range []veriff.VerifyMode{veriff.VerifyPresent, veriff.VerifyOff} {
		t.Run(mode.String(), func(t *testing.T) {
			h := newHouse(t, 1<<30, history())
			h.verify = mode
			h.restart()
			id := h.SessionIDs()[0]
			session, _ := h.Session(id)
			h.warm(warming.Options{})
			if _, err := h.lib.Pin(context.Background(), id.String()); err != nil {
				t.Fatal(err)
			}
			h.warmAttempt(session.Attempts[1].ID)
			list := h.listing(id)
			all := append(session.Attempts[0].Media, session.Attempts[1].Media...)
			gone := h.Set(sandbox.Match{}, sandbox.Status(404), sandbox.Unsigned())
			h.loses(id)
			if _, err := h.lib.Attempt(context.Background(), session.Attempts[1].ID); err != nil {
				t.Error("an attempt whose listing is known:", err)
			}
			if _, err := h.lib.Document(context.Background(), id, listing.DecisionDocument); !errors.Is(err, library.ErrNotFound) {
				t.Error("a document:", err)
			}
			for i := range list.Files {
				if err := h.opens(&list.Files[i]); err != nil {
					t.Errorf("a file of the session does not open: %v", err)
				}
			}
			for _, f := range all {
				if !h.cached(f) {
					t.Errorf("%s was erased", f.ID)
				}
			}
			gone.Remove()
			h.restart()
			for _, f := range all {
				if !h.cached(f) {
					t.Errorf("%s was erased by the next process", f.ID)
				}
			}
			if b, err := h.read(id, session.Attempts[0].Media[0]); err != nil || !bytes.Equal(b, h.Bytes(session.Attempts[0].Media[0].ID)) {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// A listing that comes from the future was stored by a clock that was wrong: it
// is asked for again.
func TestListingFromTheFutureIsStale(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	now := time.Now()
	h.now = func() time.Time { return now.Add(24 * time.Hour) }
	h.restart()
	h.listing(id)
	h.now = func() time.Time { return now }
	h.restart()
	h.ResetRequests()
	if _, err := h.lib.Session(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	if n := h.Requests().ByKind[sandbox.SessionMedia]; n != 1 {
		t.Errorf("the listing was asked for %d times, not once", n)
	}
}

// What was to be erased when the process was killed is erased by the next one:
// nothing of it goes before that is written down.
func TestErasureAfterAKill(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	session, _ := h.Session(id)
	h.warm(warming.Options{})
	h.warmAttempt(session.Attempts[1].ID)
	h.down() // writes the catalog
	h.up()
	end := h.lib.Occupy(id) // the erasure waits for it
	h.DeleteSession(id)
	h.loses(id)
	h.eventually("the erasure is at work", func() bool { return h.lib.Erasing() })
	killed := t.TempDir() // what the disk has at this moment
	if err := os.CopyFS(filepath.Join(killed, "cache"), os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	end()
	h.down()
	h.dir = filepath.Join(killed, "cache")
	if err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if before := len(h.objects()); before < len(h.allFiles())+len(session.Attempts[1].Media) {
		t.Fatalf("the cache has %d objects, so the test proves nothing", before)
	}
	h.up()
	for _, f := range append(session.Attempts[0].Media, session.Attempts[1].Media...) {
		h.eventually("the next process erases the deleted session", func() bool { return !h.cached(f) })
	}
}

// Word of a session that the API did not have makes it be asked for again.
func TestWordOfAnAbsentSession(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	fault := h.Set(sandbox.Match{ID: id.String()}, sandbox.Status(404))
	h.loses(id)
	fault.Remove()
	if _, err := h.lib.Session(context.Background(), id); !errors.Is(err, library.ErrNotFound) {
		t.Fatalf("a session that is absent was asked for again: %v", err)
	}
	h.lib.ForgetListing(id)
	if _, err := h.lib.Session(context.Background(), id); err != nil {
		t.Errorf("after word of it: %v", err)
	}
	if all, _ := h.lib.Sessions(); !slices.Contains(all, id) {
		t.Error("it is not listed")
	}
}

// A deleted file is not forgotten because its attempt can't be asked for now: a
// stale listing proves nothing.
func TestSuspicionOutlastsAFailure(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	session, _ := h.Session(id)
	h.warm(warming.Options{})
	h.warmAttempt(session.Attempts[0].ID) // its listing is in memory
	gone := h.files(id)[0]
	failing := h.Set(sandbox.Match{Kind: sandbox.AttemptMedia}, sandbox.Status(500))
	h.DeleteMedia(gone.ID)
	h.listing(id)
	h.eventually("the attempt is asked for", func() bool { return failing.Hits() > 0 })
	h.restart()
	if !h.cached(gone) {
		t.Error("the file left the cache without proof")
	}
	failing.Remove()
	h.restart()
	h.eventually("the file leaves the cache once its attempt could be asked for", func() bool { return !h.cached(gone) })
}

// A command that only tidies up asks nothing about what the last mount left.
func TestPassiveLibraryAsksNothing(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	session, _ := h.Session(id)
	h.warm(warming.Options{})
	h.warmAttempt(session.Attempts[0].ID)
	failing := h.Set(sandbox.Match{Kind: sandbox.AttemptMedia}, sandbox.Status(500))
	h.DeleteMedia(h.files(id)[0].ID)
	h.listing(id)
	h.eventually("the attempt is asked for", func() bool { return failing.Hits() > 0 })
	h.passive = true
	h.restart()
	h.ResetRequests()
	if _, err := h.lib.Evict(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	h.down()
	if n := h.Requests().Total; n != 0 {
		t.Errorf("%d requests", n)
	}
	h.up()
}
