package control

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// Everything that can be done to a library can be done through the socket.
func TestKeeperThroughTheSocket(t *testing.T) {
	h := newHouse(t, Options{})
	ctx := t.Context()
	if h.client.Mountpoint != "/mnt/veriff" || h.client.Account != "a1b2c3" || h.client.PID != os.Getpid() {
		t.Errorf("%+v", h.client.Mount)
	}
	warmed, err := h.client.Warm(ctx, warming.Options{Selection: listing.Selection{NoVideo: true, Contexts: []string{"document-*"}}}, nil)
	if err != nil || warmed.Fetched == 0 || warmed.Failed != 0 || warmed.Sessions != len(h.SessionIDs()) {
		t.Fatalf("%+v, %v", warmed, err)
	}
	s, err := h.client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if s.Sessions != len(h.SessionIDs()) || !s.Online || s.Cache.State != "ok" || s.Cache.Objects < int64(warmed.Fetched) ||
		s.API.Kinds["media"] != int64(warmed.Fetched) || s.API.P50 <= 0 || s.API.P99 < s.API.P50 || len(s.API.Errors) != 0 {
		t.Errorf("%+v", s)
	}
	id := h.SessionIDs()[0]
	n, err := h.client.Pin(ctx, "sessions/"+id.String())
	if err != nil || n.Files == 0 || n.Fetched == 0 || n.Fetched == n.Files {
		t.Fatal(n, err)
	}
	if e, err := h.client.Evict(ctx, []string{id.String()}); err != nil || e.Files != 0 || e.Pinned != n.Fetched {
		t.Errorf("pinned: %+v, %v", e, err)
	}
	if warmed, err := h.client.Warm(ctx, warming.Options{Names: []string{"by-context/" + id.String()}}, nil); err != nil || warmed.Files != n.Files || warmed.Fetched != n.Files-n.Fetched {
		t.Errorf("%+v, %v", warmed, err)
	}
	n.Fetched = n.Files
	if s, err := h.client.Status(ctx); err != nil || s.Cache.Pinned == 0 {
		t.Errorf("pinned: %+v, %v", s.Cache, err)
	}
	if again, err := h.client.Unpin(ctx, id.String()); err != nil || again != n {
		t.Error(again, err)
	}
	if e, err := h.client.Evict(ctx, []string{id.String()}); err != nil || e.Files == 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := h.client.EraseSession(ctx, h.SessionIDs()[1]); err != nil || len(e.Erased) == 0 || e.Session != h.SessionIDs()[1].String() {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := h.client.EraseAll(ctx, false); err != nil || len(e.Erased) == 0 || e.Remaining != 0 || e.Started.IsZero() {
		t.Errorf("%+v, %v", e, err)
	}
	if s, err := h.client.Status(ctx); err != nil || s.Cache.Objects != 0 {
		t.Errorf("after erasing all: %+v, %v", s.Cache, err)
	}
}

// Errors keep their meaning on the way.
func TestErrorsThroughTheSocket(t *testing.T) {
	h := newHouse(t, Options{})
	if _, err := h.client.Pin(t.Context(), "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("an id that is nothing: %v", err)
	}
	if _, err := h.client.Pin(t.Context(), "passport"); !errors.Is(err, veriff.ErrNotUUID) {
		t.Errorf("no id: %v", err)
	}
	h.SetActive(false)
	if _, err := h.client.Warm(t.Context(), warming.Options{}, nil); !errors.Is(err, veriff.ErrRefused) {
		t.Errorf("of an integration that is switched off: %v", err)
	}
	for _, body := range []string{"", "{", "[]", `{"all": true, "session": "x"}`, `{"session": "x"}`, `{"everything": true}`, `{"all": true} {}`} {
		resp, err := h.client.http.Post("http://veriffs"+pathPurge, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", body, resp.StatusCode)
		}
	}
}

// A warming ends with the client that asked for it, and with the server.
func TestWarmingEndsWithItsClient(t *testing.T) {
	h := newHouse(t, Options{})
	stuck := h.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(1))
	defer stuck.Release()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := h.client.Warm(ctx, warming.Options{}, nil)
		ended <- err
	}()
	if err := stuck.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	h.server.Close() // returns only if nothing uses the library any more
}
