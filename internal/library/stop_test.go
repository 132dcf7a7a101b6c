package library_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// stalled lets the next request of a kind, about an id, hang for as long as the test
// lasts, and returns once it has arrived. begin makes it.
func (h *house) stalled(ctx context.Context, kind sandbox.Kind, id string, begin func()) {
	h.t.Helper()
	fault := h.Set(sandbox.Match{Kind: kind, ID: id, Times: 1}, sandbox.Stall(1))
	go begin()
	if err := fault.Wait(ctx, 1); err != nil {
		h.t.Fatal(err)
	}
}

// erasures are those of one session and of all.
func (h *house) erasures(id veriff.SessionID) map[string]func(context.Context) (library.Erasure, error) {
	return map[string]func(context.Context) (library.Erasure, error){
		"session": func(ctx context.Context) (library.Erasure, error) { return h.lib.EraseSession(ctx, id) },
		"all":     func(ctx context.Context) (library.Erasure, error) { return h.lib.EraseAll(ctx, false) },
	}
}

// An erasure does not wait for what others fetch.
func TestErasureWaitsForNobodyElse(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id, other := h.SessionIDs()[0], h.SessionIDs()[1]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	list := h.listing(other)
	opened := make(chan error, 1)
	h.stalled(ctx, sandbox.Media, list.Files[0].ID.String(), func() { opened <- h.opens(&list.Files[0]) })
	h.stalled(ctx, sandbox.Decision, other.String(), func() { h.lib.Document(ctx, other, listing.DecisionDocument) })
	h.warmAttempt(h.attempt(id))
	e, err := h.lib.EraseSession(ctx, id)
	if err != nil || !e.Proven || len(e.Erased) == 0 {
		t.Fatalf("%+v, %v", e, err)
	}
	select {
	case err := <-opened:
		t.Errorf("the fetch of another session ended with the erasure: %v", err)
	default:
	}
	h.ClearFaults()
	if err := <-opened; err != nil {
		t.Errorf("the fetch of another session: %v", err)
	}
}

// The API's word that a session is gone takes effect while others fetch.
func TestGoneSessionIsErasedWhileOthersFetch(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id, other := h.SessionIDs()[0], h.SessionIDs()[1]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	list := h.listing(other)
	h.stalled(ctx, sandbox.Media, list.Files[0].ID.String(), func() { h.opens(&list.Files[0]) })
	files := h.files(id)
	h.warmAttempt(h.attempt(id))
	h.DeleteSession(id)
	h.loses(id)
	h.eventually("the session is erased", func() bool { return !h.cached(files[0]) && !h.cached(files[1]) })
	h.ClearFaults()
}

// What is being fetched of the erased is stopped, and nothing of it stays on the
// disk. Whoever waits for it gets it afterwards.
func TestErasureStopsFetches(t *testing.T) {
	for _, name := range []string{"session", "all"} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 1<<30, sandbox.Options{Scale: sandbox.Scale{Sessions: 1, Files: 1, FileSize: 500_000}})
			id := h.SessionIDs()[0]
			f := h.files(id)[0]
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			h.listing(id)
			before := h.objects()
			slow := h.Set(sandbox.Match{Kind: sandbox.Media, Times: 1}, sandbox.Stall(f.Size/2))
			read := make(chan error, 1)
			go func() {
				b, err := h.read(id, f)
				if err == nil && !bytes.Equal(b, h.Bytes(f.ID)) {
					err = errors.New("other bytes")
				}
				read <- err
			}()
			if err := slow.Wait(ctx, 1); err != nil {
				t.Fatal(err)
			}
			var half []string
			h.eventually("half of the file is on the disk", func() bool {
				half = slices.DeleteFunc(h.objects(), func(name string) bool { return slices.Contains(before, name) })
				return len(half) > 0
			})
			again := h.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(1))
			e, err := h.erasures(id)[name](ctx)
			if err != nil || !e.Proven {
				t.Fatalf("%+v, %v", e, err)
			}
			for _, name := range h.objects() {
				if slices.Contains(half, name) {
					t.Errorf("%s, which half of the file is in, is still on the disk", name)
				}
			}
			if err := again.Wait(ctx, 1); err != nil { // asked for again by who waits
				t.Fatal(err)
			}
			if h.cached(f) {
				t.Error("a file whose fetch was under way is in the cache")
			}
			h.ClearFaults()
			if err := <-read; err != nil {
				t.Error("whoever waited for the file:", err)
			}
		})
	}
}

// An attempt that is being asked for, and may be of the erased session, is stopped.
func TestErasureStopsAttempts(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	session, _ := h.Session(id)
	old := session.Attempts[1]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	entered := make(chan error, 1)
	h.stalled(ctx, sandbox.AttemptMedia, old.ID.String(), func() {
		_, err := h.lib.Attempt(ctx, old.ID)
		entered <- err
	})
	if e, err := h.lib.EraseSession(ctx, id); err != nil || !e.Proven {
		t.Errorf("%+v, %v", e, err)
	}
	if err := <-entered; err != nil {
		t.Error("whoever entered it:", err)
	}
}

// attempt returns the newest attempt of a session.
func (h *house) attempt(id veriff.SessionID) veriff.AttemptID {
	session, _ := h.Session(id)
	return session.Attempts[0].ID
}
