package library_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

func TestWarmFetchesEachFileOnce(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	all := h.allFiles()
	done := h.warm(warming.Options{})
	if done.Fetched != len(all) || done.Files != len(all) || done.Cached != 0 || done.Failed != 0 {
		t.Errorf("of %d files: %+v", len(all), done)
	}
	if n := h.media(); n != len(all) {
		t.Errorf("%d requests for %d files", n, len(all))
	}
	var bytes int64
	for _, f := range all {
		bytes += f.Size
		if !h.cached(f) {
			t.Errorf("%s is not in the cache", f.ID)
		}
	}
	if done.FetchedBytes != bytes || done.Bytes != bytes {
		t.Errorf("%d bytes fetched of %d, not %d", done.FetchedBytes, done.Bytes, bytes)
	}

	h.restart()
	again := h.warm(warming.Options{})
	if again.Cached != len(all) || again.Fetched != 0 || again.CachedBytes != bytes {
		t.Errorf("once more: %+v", again)
	}
	if n := h.Requests().Total; n != 0 {
		t.Errorf("warming what is warm cost %d requests", n)
	}
}

func TestWarmChoosesByContextAndKind(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	h.warm(warming.Options{Selection: listing.Selection{Contexts: []string{"document-*", "face"}, NoVideo: true}})
	var wanted int
	for _, f := range h.allFiles() {
		want := (strings.HasPrefix(f.Context, "document-") || f.Context == "face") && !strings.HasPrefix(f.MIMEType, "video/")
		if want {
			wanted++
		}
		if h.cached(f) != want {
			t.Errorf("%s %s: in the cache: %v", f.Context, f.MIMEType, !want)
		}
	}
	if wanted == 0 || wanted == len(h.allFiles()) {
		t.Fatal("the choice is none, so the test proves nothing")
	}
	if _, err := h.lib.Warm(context.Background(), warming.Options{Selection: listing.Selection{Contexts: []string{"[a"}}}, nil); err == nil {
		t.Error("a malformed pattern is accepted")
	}
}

func TestWarmOfNamedSessions(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.withFiles(2)
	if done := h.warm(warming.Options{Sessions: []veriff.SessionID{id}}); done.Sessions != 1 || done.Fetched != len(h.files(id)) {
		t.Errorf("%+v", done)
	}
	if n := h.media(); n != len(h.files(id)) {
		t.Errorf("%d files asked for", n)
	}
}

func TestWarmListsWhatFailed(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.withFiles(2)
	broken := h.files(id)[1]
	h.Set(sandbox.Match{Kind: sandbox.Media, ID: broken.ID.String()}, sandbox.SignedWith("somebody else's"))
	unknown, err := veriff.ParseSessionID("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d")
	if err != nil {
		t.Fatal(err)
	}
	done := h.warm(warming.Options{Sessions: []veriff.SessionID{id, unknown}})
	if done.Failed != 2 || done.Fetched != len(h.files(id))-1 || len(done.Failures) != 2 {
		t.Fatalf("%+v", done)
	}
	for _, f := range done.Failures {
		switch {
		case f.Session == unknown.String() && f.File == "" && strings.Contains(f.Error, "not found"):
		case f.Session == id.String() && strings.HasPrefix(f.File, broken.ID.String()) && strings.Contains(f.Error, "signature"):
		default:
			t.Errorf("a failure nobody caused: %+v", f)
		}
	}
	h.ClearFaults()
	h.ResetRequests()
	if again := h.warm(warming.Options{Sessions: []veriff.SessionID{id}}); again.Fetched != 1 || h.media() != 1 {
		t.Errorf("once it works: %+v", again)
	}
}

func TestWarmEndsWhenTheAPIIsOutOfReach(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{Scale: sandbox.Scale{Sessions: 200, Files: 3, FileSize: 10}})
	h.Set(sandbox.Match{}, sandbox.Refuse())
	done, err := h.lib.Warm(context.Background(), warming.Options{}, nil)
	if !errors.Is(err, veriff.ErrUnreachable) && !errors.Is(err, library.ErrOffline) {
		t.Errorf("error %v", err)
	}
	if done.Failed > 32 {
		t.Errorf("%d failures for one cause", done.Failed)
	}
}

func TestWarmGoesOnWhereItWasInterrupted(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{Scale: sandbox.Scale{Sessions: 10, Files: 20, FileSize: 1000}})
	const all = 200
	stuck := h.Set(sandbox.Match{Kind: sandbox.Media, Skip: 60}, sandbox.Stall(500))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_ = stuck.Wait(ctx, 1)
	}()
	done, err := h.lib.Warm(ctx, warming.Options{}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	if done.Failed != 0 || done.Fetched == 0 || done.Fetched == all {
		t.Errorf("interrupted: %+v", done)
	}
	h.ClearFaults()
	h.restart() // which ends what was under way
	missing := 0
	for _, id := range h.SessionIDs() {
		for _, f := range h.files(id) {
			if !h.cached(f) {
				missing++
			}
		}
	}
	h.ResetRequests()
	if again := h.warm(warming.Options{}); again.Fetched != missing || again.Cached != all-missing || h.media() != missing {
		t.Errorf("%d were missing: %+v", missing, again)
	}
}

// An open of a file does not wait for a warming that has all connections.
func TestOpenGoesBeforeWarming(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{Scale: sandbox.Scale{Sessions: 10, Files: 40, FileSize: 1000}})
	id := h.SessionIDs()[0]
	if _, err := h.lib.Session(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	f := h.files(id)[0]
	h.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Latency(20*time.Millisecond))
	warmed := make(chan error, 1)
	go func() {
		_, err := h.lib.Warm(context.Background(), warming.Options{Sessions: h.SessionIDs()[1:]}, nil)
		warmed <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := h.WaitRequests(ctx, 60); err != nil {
		t.Fatal(err)
	}
	before := h.Requests().ByKind[sandbox.Media]
	if b, err := h.read(id, f); err != nil || !bytes.Equal(b, h.Bytes(f.ID)) {
		t.Fatal(err)
	}
	// Those under way end before it, and as many may begin beside it.
	if passed := h.Requests().ByKind[sandbox.Media] - before; passed > 100 {
		t.Errorf("%d files of the warming went before the open", passed)
	}
	if err := <-warmed; err != nil {
		t.Error(err)
	}
}

// A refusal of one file is a failure of that file; one of the credentials is the
// end.
func TestWarmPassesARefusal(t *testing.T) {
	for code, stops := range map[string]bool{"1104": false, "1804": true} {
		t.Run(code, func(t *testing.T) {
			h := newHouse(t, 1<<30, history())
			f := h.files(h.SessionIDs()[0])[0]
			h.Set(sandbox.Match{Kind: sandbox.Media, ID: f.ID.String()}, sandbox.Fail(403, code, "refused"))
			done, err := h.lib.Warm(context.Background(), warming.Options{}, nil)
			if (err != nil) != stops {
				t.Errorf("the warming ended with %v", err)
			}
			if want := len(h.allFiles()) - 1; !stops && (done.Fetched != want || done.Failed != 1) {
				t.Errorf("%d fetched, %d failed, want %d and 1", done.Fetched, done.Failed, want)
			}
		})
	}
}
