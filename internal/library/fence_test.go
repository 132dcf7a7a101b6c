package library_test

import (
	"context"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff/sandbox"
)

// A file that is opened while its session is being erased is fetched once the
// erasure has ended, so that its proof holds and no open fails.
func TestOpenDuringAnErasure(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	list := h.listing(id)
	f := &list.Files[0]
	end := h.lib.Occupy(id) // the erasure waits for it
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	type result struct {
		library.Erasure
		error
	}
	erased := make(chan result, 1)
	go func() {
		e, err := h.lib.EraseSession(ctx, id)
		erased <- result{e, err}
	}()
	h.eventually("the erasure is at work", func() bool { return h.lib.Erasing() })
	opened := make(chan error, 1)
	h.ResetRequests()
	go func() { opened <- h.opens(f) }()
	select {
	case err := <-opened:
		t.Fatalf("the open did not wait for the erasure: %v", err)
	case <-time.After(100 * time.Millisecond): // long enough for one that does not wait
	}
	if n := h.media(); n != 0 {
		t.Errorf("%d files were fetched during the erasure", n)
	}
	end()
	if r := <-erased; r.error != nil || !r.Proven {
		t.Errorf("the erasure: %+v, %v", r.Erasure, r.error)
	}
	if err := <-opened; err != nil {
		t.Errorf("the open: %v", err)
	}
}

// The pins of a session end with it, also those of files that were never
// fetched.
func TestErasureEndsPins(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	if _, err := h.lib.Pin(context.Background(), id.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.lib.EraseSession(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	for _, f := range h.files(id) {
		if h.cache.Pinned(cache.Key("media/" + f.ID.String())) {
			t.Errorf("%s is still pinned", f.ID)
		}
	}
}

// A lookup that waits for an erasure keeps the kernel from being told, so the
// erasure must not wait for that behind its own fence.
func TestObserverThatWaitsForALookup(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	h.warm(warming.Options{})
	var waiting chan error // the lookup that was begun during the erasure
	h.lib.Observe(func(c library.Change) {
		if c.Done == nil {
			return
		}
		go func() { // as the queue of invalidations does
			<-waiting
			c.Done()
		}()
	})
	end := h.lib.Occupy(id) // the erasure waits for it
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	waiting = make(chan error, 1)
	erased := make(chan library.Erasure, 1)
	go func() {
		e, err := h.lib.EraseSession(ctx, id)
		if err != nil {
			t.Error(err)
		}
		erased <- e
	}()
	h.eventually("the erasure is at work", func() bool { return h.lib.Erasing() })
	go func() {
		h.lib.ForgetListing(id)
		_, err := h.lib.Session(ctx, id)
		waiting <- err
	}()
	end()
	select {
	case e := <-erased:
		if e.Pages != "dropped" || !e.Proven {
			t.Errorf("%+v", e)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the erasure and the lookup wait for each other")
	}
}

// An attempt that may be of a session that is being erased is asked for when the
// erasure has ended.
func TestAttemptDuringAnErasure(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	session, _ := h.Session(id)
	end := h.lib.Occupy(id) // the erasure waits for it
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	erased := make(chan error, 1)
	go func() {
		_, err := h.lib.EraseSession(ctx, id)
		erased <- err
	}()
	h.eventually("the erasure is at work", func() bool { return h.lib.Erasing() })
	asked := h.Set(sandbox.Match{Kind: sandbox.AttemptMedia}) // counts
	entered := make(chan error, 1)
	go func() {
		_, err := h.lib.Attempt(ctx, session.Attempts[1].ID)
		entered <- err
	}()
	time.Sleep(100 * time.Millisecond) // long enough for many
	if n := asked.Hits(); n > 0 {
		t.Errorf("the attempt was asked for %d times during the erasure", n)
	}
	end()
	if err := <-erased; err != nil {
		t.Error(err)
	}
	if err := <-entered; err != nil {
		t.Error(err)
	}
}

// A purge of a session takes the files of an attempt that was entered before
// its session was known, and says where it can't know.
func TestPurgeOfAnAttemptEnteredByItself(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	session, _ := h.Session(id)
	old := session.Attempts[1]
	// The listing does not say whose attempt it is.
	h.Set(sandbox.Match{Kind: sandbox.AttemptMedia}, sandbox.Body(200, "application/json",
		[]byte(`{"status":"success","images":[{"id":"`+old.Media[0].ID.String()+`","mimetype":"image/jpeg"}]}`)))
	h.warmAttempt(old.ID)
	if !h.cached(old.Media[0]) {
		t.Fatal("the file is not in the cache, so the test proves nothing")
	}
	e, err := h.lib.EraseSession(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if e.Unattributed == 0 || e.Proven {
		t.Errorf("a purge that can't know whose a file is does not say so: %+v", e)
	}
	h.listing(id) // now the attempts of the session are known
	e, err = h.lib.EraseSession(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if h.cached(old.Media[0]) || e.Unattributed != 0 || !e.Proven {
		t.Errorf("the file is in the cache: %v; %+v", h.cached(old.Media[0]), e)
	}
}
