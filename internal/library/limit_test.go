package library_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// hurried is a library whose client has hardly any patience.
type hurried struct {
	*sandbox.Sandbox
	t      *testing.T
	lib    *library.Library
	client *veriff.Client
	log    syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), text)
}

func newHurried(t *testing.T, ttl time.Duration) *hurried {
	t.Helper()
	h := &hurried{t: t, Sandbox: sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 10, Files: 5, FileSize: 1000}})}
	server, err := sandbox.Listen(h.Sandbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	log := slog.New(slog.NewTextHandler(&h.log, nil))
	h.client, err = veriff.New(veriff.Config{
		BaseURL: server.URL, APIKey: h.APIKey, Secrets: h.Secrets(), Logger: log,
		FirstByte: time.Second, Patience: 3 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	store, err := cache.Open(cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 1 << 30, Secrets: [][]byte{[]byte(h.Secrets()[0])}})
	if err != nil {
		t.Fatal(err)
	}
	h.lib, err = library.New(library.Options{Client: h.client, Cache: store, ListTTL: ttl, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.ClearFaults()
		h.lib.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		h.client.Close()
	})
	return h
}

// files are those that the library lists of the first session.
func (h *hurried) files() []library.File {
	h.t.Helper()
	list, err := h.lib.Session(h.t.Context(), h.Sessions()[0].ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return list.Files
}

// TestWarmWaits: a limit that lasts for longer than anybody's patience costs a
// warming time and no file, hardly any request, and shows in its progress.
func TestWarmWaits(t *testing.T) {
	h := newHurried(t, 0)
	limits := h.Set(sandbox.Match{Skip: 15, Times: 1}, sandbox.Status(429), sandbox.RetryAfter("4"))
	var waited bool
	done, err := h.lib.Warm(t.Context(), warming.Options{Sessions: h.SessionIDs()}, func(p warming.Progress) {
		waited = waited || !p.HeldUntil.IsZero()
	})
	if err != nil || done.Failed != 0 || done.Files != 50 || done.Fetched != 50 || !done.HeldUntil.IsZero() {
		t.Errorf("%+v, %v", done, err)
	}
	if !waited || limits.Hits() != 1 {
		t.Errorf("progress showed that it waits: %v; %d requests into the limit", waited, limits.Hits())
	}
	// What one 429 can cost is that one, asked for again, and of the sessions
	// that were being listed the list that had come already.
	if n := h.Requests().Total; n > 50+2*10+1+8 {
		t.Errorf("%d requests", n)
	}
}

// TestWarmRenews: rather than make do with a list that is out of date, as
// those do who look at the mount, a warming waits.
func TestWarmRenews(t *testing.T) {
	h := newHurried(t, 1)
	id := h.Sessions()[0].ID
	h.files()
	fresh, ok := h.AddAttempt(id, sandbox.Attempt{Media: []sandbox.File{sandbox.NewFile("face", "image/png", []byte("new"))}})
	if !ok {
		t.Fatal("there is no such session")
	}
	h.Set(sandbox.Match{Kind: sandbox.SessionMedia, Times: 1}, sandbox.Status(429), sandbox.RetryAfter("4"))
	old := h.files() // at once
	if h.client.HeldUntil().IsZero() {
		t.Fatal("requests are not held back")
	}
	done, err := h.lib.Warm(t.Context(), warming.Options{Sessions: []veriff.SessionID{id}}, nil)
	if err != nil || done.Failed != 0 || done.Fetched != done.Files {
		t.Errorf("%+v, %v", done, err)
	}
	if len(old) != 5 || done.Files != 1 || h.files()[0].ID != fresh.Media[0].ID {
		t.Errorf("while it was limited %d files were listed, to the warming %d", len(old), done.Files)
	}
}

// TestOpenWhileLimited: those who open files wait as long as their patience,
// with nothing in their hands, cost no request, and one line of the log says
// why they failed. What is in the cache opens at once.
func TestOpenWhileLimited(t *testing.T) {
	h := newHurried(t, 0)
	files := h.files()
	if err := h.lib.Fetch(t.Context(), &files[0]); err != nil {
		t.Fatal(err)
	}
	h.Set(sandbox.Match{Kind: sandbox.Media, Times: 1}, sandbox.Status(429), sandbox.RetryAfter("5"))
	before := h.Requests().Total
	begun := time.Now()
	failed := make(chan error)
	const callers = 40
	go func() { failed <- h.lib.Fetch(context.Background(), &files[1]) }()
	for h.client.HeldUntil().IsZero() && time.Since(begun) < 10*time.Second {
		time.Sleep(time.Millisecond) // nothing tells of it
	}
	for n := range callers - 1 {
		go func() { failed <- h.lib.Fetch(context.Background(), &files[1+n%4]) }()
	}
	if err := h.lib.Fetch(t.Context(), &files[0]); err != nil {
		t.Errorf("a cached file: %v", err)
	}
	for h.client.Stats().Active > 0 || h.lib.Stats().Fetching > 0 {
		if time.Since(begun) > 2500*time.Millisecond { // soon nobody waits any more
			t.Fatalf("somebody holds something while he waits: %+v", h.lib.Stats())
		}
		time.Sleep(time.Millisecond) // nothing tells of it
	}
	for range callers {
		if err := <-failed; !errors.Is(err, veriff.ErrRateLimited) {
			t.Errorf("an open failed with %v", err)
		}
	}
	if took := time.Since(begun); took < 3*time.Second || h.client.HeldUntil().IsZero() {
		t.Errorf("they waited for %s, requests are held until %s", took, h.client.HeldUntil())
	}
	if n := h.Requests().Total - before; n != 1 {
		t.Errorf("%d requests into the limit", n)
	}
	if asks, gave := h.log.count("asks for fewer requests"), h.log.count("took too long"); asks != 1 || gave != 1 {
		t.Errorf("%d lines that the API asks, %d that waiting took too long", asks, gave)
	}
	// One who comes now waits for less than his patience.
	if err := h.lib.Fetch(t.Context(), &files[1]); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestProxyRefuses: a refusal that is not the API's word hides no list that is
// known, and ends no warming.
func TestProxyRefuses(t *testing.T) {
	h := newHurried(t, 1)
	files := h.files()
	proxy := []sandbox.Effect{sandbox.Body(403, "text/html", []byte("<html>")), sandbox.Unsigned()}
	fault := h.Set(sandbox.Match{}, proxy...)
	if got := h.files(); len(got) != len(files) {
		t.Errorf("%d files, of %d", len(got), len(files))
	}
	fault.Remove()
	h.Set(sandbox.Match{Kind: sandbox.Media, ID: files[0].ID.String()}, proxy...)
	done, err := h.lib.Warm(t.Context(), warming.Options{Sessions: h.SessionIDs()}, nil)
	if err != nil || done.Failed != 1 || done.Fetched != 49 {
		t.Errorf("%+v, %v", done, err)
	}
	for n, effects := range [][]sandbox.Effect{
		{sandbox.Fail(401, "1803", "no integration"), sandbox.Unsigned()},
		{sandbox.Body(403, "text/plain", []byte("no"))},
	} {
		h.ClearFaults()
		h.Set(sandbox.Match{}, effects...)
		if _, err := h.lib.Session(t.Context(), h.Sessions()[1+n].ID); !errors.Is(err, veriff.ErrRefused) {
			t.Errorf("refusal %d: %v", n, err)
		}
	}
}

// TestWarmGoesOn: files that are slow, or answered with garbage, are listed as
// failures, also where they come last, and the rest is fetched.
func TestWarmGoesOn(t *testing.T) {
	h := newHurried(t, 0)
	files := h.files()
	h.Set(sandbox.Match{Kind: sandbox.Media, ID: files[0].ID.String()}, sandbox.Latency(time.Hour))
	h.Set(sandbox.Match{Kind: sandbox.Media, ID: files[1].ID.String()}, sandbox.GarbledHeaders())
	h.Set(sandbox.Match{Kind: sandbox.Media, ID: files[2].ID.String()}, sandbox.Refuse())
	done, err := h.lib.Warm(t.Context(), warming.Options{Sessions: h.SessionIDs()}, nil)
	if err != nil || done.Failed != 3 || len(done.Failures) != 3 || done.Fetched != 47 {
		t.Errorf("%+v, %v", done, err)
	}
	// Nothing else goes on now.
	done, err = h.lib.Warm(t.Context(), warming.Options{Sessions: h.SessionIDs()}, nil)
	if err != nil || done.Failed != 3 || h.lib.Stats().Offline != nil {
		t.Errorf("again: %+v, %v, %v", done, err, h.lib.Stats().Offline)
	}
	if h.log.count("can't be reached") != 0 {
		t.Error("the API was taken to be out of reach")
	}
}

// TestWarmPassesOddOnes: files that are always answered with 429, while others
// are answered, are listed as failed, and a warming goes on.
func TestWarmPassesOddOnes(t *testing.T) {
	h := newHurried(t, 0)
	odd := make(map[string]bool)
	for _, f := range h.files()[:3] {
		odd[f.Name()] = true
		h.Set(sandbox.Match{Kind: sandbox.Media, ID: f.ID.String()}, sandbox.Status(429))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a guard
	defer cancel()
	done, err := h.lib.Warm(ctx, warming.Options{Sessions: h.SessionIDs()}, nil)
	if err != nil || done.Failed != 3 || len(done.Failures) != 3 || done.Fetched != 47 {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, f := range done.Failures {
		if !odd[f.File] || !strings.Contains(f.Error, "rate limited") {
			t.Errorf("%+v", f)
		}
	}
	if held := h.client.HeldUntil(); !held.IsZero() {
		t.Errorf("everybody is held back until %s", held)
	}
}

// TestNamedMomentHoldsNothing: a file that fails until a moment that the API
// names costs its reader the wait and nobody a connection.
func TestNamedMomentHoldsNothing(t *testing.T) {
	h := newHurried(t, 0)
	files := h.files()
	fault := h.Set(sandbox.Match{Kind: sandbox.Media, ID: files[0].ID.String(), Times: 1}, sandbox.Status(503), sandbox.RetryAfter("2"))
	failed := make(chan error)
	go func() { failed <- h.lib.Fetch(context.Background(), &files[0]) }()
	if err := fault.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); h.client.Stats().Active > 0 || h.lib.Stats().Fetching > 0; time.Sleep(time.Millisecond) { // nothing tells of it
		if time.Since(begun) > 1500*time.Millisecond { // soon it is asked for again
			t.Fatalf("the one who waits holds something: %+v", h.lib.Stats())
		}
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
