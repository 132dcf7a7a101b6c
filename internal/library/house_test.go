package library_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/library"
	"veriffs/internal/team"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// house is a library over a stand-in for the API, without a mount.
type house struct {
	*sandbox.Sandbox
	t        *testing.T
	dir      string // of the cache
	url      string
	limit    int64
	maxAge   time.Duration
	verify   veriff.VerifyMode
	passive  bool
	unlisted bool                              // the library is not told of the sessions
	now      func() time.Time                  // nil: the clock
	share    string                            // the folder of the team's store; "": none
	wrap     func(bucket.Bucket) bucket.Bucket // nil: the folder is used as it is
	member   library.Member                    // who it is to the team
	team     *team.Store
	lib      *library.Library
	cache    *cache.Cache
	down     func()
}

func newHouse(t *testing.T, limit int64, world sandbox.Options) *house {
	t.Helper()
	h := &house{Sandbox: sandbox.New(world), t: t, dir: filepath.Join(t.TempDir(), "cache"), limit: limit}
	server, err := sandbox.Listen(h.Sandbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	h.url = server.URL
	h.up()
	t.Cleanup(func() { h.down() })
	return h
}

func (h *house) up() {
	h.t.Helper()
	client, err := veriff.New(veriff.Config{
		BaseURL: h.url, APIKey: h.APIKey, Secrets: h.Secrets(), Verify: h.verify,
		Connect: 2 * time.Second, FirstByte: 5 * time.Second, Stall: 5 * time.Second, Patience: 8 * time.Second,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.openCache()
	leave := h.join()
	o := library.Options{Client: client, Cache: h.cache, Team: h.team, Now: h.now, Passive: h.passive}
	o.Member = func(bool) library.Member { return h.member }
	if h.lib, err = library.New(o); err != nil {
		h.t.Fatal(err)
	}
	for h.cache.Stats().Loading {
		time.Sleep(time.Millisecond) // the cache gives no notice
	}
	ids := h.SessionIDs()
	slices.SortFunc(ids, veriff.SessionID.Compare)
	if !h.unlisted {
		h.lib.SetSessions(ids)
	}
	h.down = func() {
		h.lib.Close()
		leave()
		if err := h.cache.Close(); err != nil {
			h.t.Error(err)
		}
		client.Close()
	}
}

// openCache opens the cache alone.
func (h *house) openCache() {
	h.t.Helper()
	o := cache.Options{Dir: h.dir, Limit: h.limit, MaxAge: h.maxAge, Now: h.now}
	for _, s := range h.Secrets() {
		o.Secrets = append(o.Secrets, []byte(s))
	}
	var err error
	if h.cache, err = cache.Open(o); err != nil {
		h.t.Fatal(err)
	}
}

// restart is what a remount does to library and cache.
func (h *house) restart() {
	h.t.Helper()
	h.down()
	h.up()
}

// files are the newest files of a session.
func (h *house) files(id veriff.SessionID) []sandbox.File {
	s, ok := h.Session(id)
	if !ok || len(s.Attempts) == 0 {
		return nil
	}
	return s.Attempts[0].Media
}

func (h *house) allFiles() (all []sandbox.File) {
	for _, id := range h.SessionIDs() {
		all = append(all, h.files(id)...)
	}
	return all
}

// withFiles returns the first session that has so many files.
func (h *house) withFiles(n int) veriff.SessionID {
	h.t.Helper()
	for _, id := range h.SessionIDs() {
		if len(h.files(id)) >= n {
			return id
		}
	}
	h.t.Fatal("no session has so many files")
	return veriff.SessionID{}
}

func (h *house) cached(f sandbox.File) bool {
	return h.cache.Has(cache.Key("media/" + f.ID.String()))
}

func (h *house) warm(o warming.Options) warming.Progress {
	h.t.Helper()
	done, err := h.lib.Warm(context.Background(), o, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return done
}

// read opens a file through the library and returns its bytes.
func (h *house) read(id veriff.SessionID, f sandbox.File) ([]byte, error) {
	list, err := h.lib.Session(context.Background(), id)
	if err != nil {
		return nil, err
	}
	for i := range list.Files {
		if list.Files[i].ID != f.ID {
			continue
		}
		open, err := h.lib.Open(context.Background(), &list.Files[i])
		if err != nil {
			return nil, err
		}
		defer open.Close()
		b := make([]byte, open.Size())
		_, err = open.ReadAt(b, 0)
		return b, err
	}
	return nil, fs.ErrNotExist
}

// media is how many files were asked for since the last call.
func (h *house) media() int {
	n := h.Requests().ByKind[sandbox.Media]
	h.ResetRequests()
	return n
}

// eventually waits for what happens in the background.
func (h *house) eventually(what string, ok func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("not so in time: %s", what)
		}
	}
}

// history is a world of two sessions, with an older attempt each.
func history() sandbox.Options {
	return sandbox.Options{Scale: sandbox.Scale{Sessions: 2, Attempts: 2, Files: 2, FileSize: 5000}}
}

// warmAttempt fetches the files of an attempt.
func (h *house) warmAttempt(id veriff.AttemptID) *library.Listing {
	h.t.Helper()
	list, err := h.lib.Attempt(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range list.Files {
		if err := h.lib.Fetch(context.Background(), &list.Files[i]); err != nil {
			h.t.Fatal(err)
		}
	}
	return list
}

// listing returns a session's listing, asking for it.
func (h *house) listing(id veriff.SessionID) *library.Listing {
	h.t.Helper()
	h.lib.ForgetListing(id)
	list, err := h.lib.Session(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// loses asks for a session that the API no longer has.
func (h *house) loses(id veriff.SessionID) {
	h.t.Helper()
	h.lib.ForgetListing(id)
	if _, err := h.lib.Session(context.Background(), id); !errors.Is(err, library.ErrNotFound) {
		h.t.Fatalf("a session that is gone: %v", err)
	}
}

func (h *house) opens(f *library.File) error {
	open, err := h.lib.Open(context.Background(), f)
	if err == nil {
		open.Close()
	}
	return err
}
