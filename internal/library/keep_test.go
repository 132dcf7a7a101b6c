package library_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// house is a library over a stand-in for the API, without a mount.
type house struct {
	*sandbox.Sandbox
	t      *testing.T
	dir    string // of the cache
	url    string
	limit  int64
	verify veriff.VerifyMode
	now    func() time.Time // nil: the clock
	lib    *library.Library
	cache  *cache.Cache
	down   func()
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
	o := cache.Options{Dir: h.dir, Limit: h.limit, Now: h.now}
	for _, s := range h.Secrets() {
		o.Secrets = append(o.Secrets, []byte(s))
	}
	if h.cache, err = cache.Open(o); err != nil {
		h.t.Fatal(err)
	}
	if h.lib, err = library.New(library.Options{Client: client, Cache: h.cache, Now: h.now}); err != nil {
		h.t.Fatal(err)
	}
	for h.cache.Stats().Loading {
		time.Sleep(time.Millisecond) // the cache gives no notice
	}
	ids := h.SessionIDs()
	slices.SortFunc(ids, veriff.SessionID.Compare)
	h.lib.SetSessions(ids)
	h.down = func() {
		h.lib.Close()
		if err := h.cache.Close(); err != nil {
			h.t.Error(err)
		}
		client.Close()
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

func (h *house) warm(o library.WarmOptions) library.Warmed {
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
		_, err = open.ReadAt(context.Background(), b, 0)
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

func TestWarmFetchesEachFileOnce(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	all := h.allFiles()
	done := h.warm(library.WarmOptions{})
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
	again := h.warm(library.WarmOptions{})
	if again.Cached != len(all) || again.Fetched != 0 || again.CachedBytes != bytes {
		t.Errorf("once more: %+v", again)
	}
	if n := h.Requests().Total; n != 0 {
		t.Errorf("warming what is warm cost %d requests", n)
	}
}

func TestWarmChoosesByContextAndKind(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	h.warm(library.WarmOptions{Contexts: []string{"document-*", "face"}, NoVideo: true})
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
	if _, err := h.lib.Warm(context.Background(), library.WarmOptions{Contexts: []string{"[a"}}, nil); err == nil {
		t.Error("a malformed pattern is accepted")
	}
}

func TestWarmOfNamedSessions(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.withFiles(2)
	if done := h.warm(library.WarmOptions{Sessions: []veriff.SessionID{id}}); done.Sessions != 1 || done.Fetched != len(h.files(id)) {
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
	done := h.warm(library.WarmOptions{Sessions: []veriff.SessionID{id, unknown}})
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
	if again := h.warm(library.WarmOptions{Sessions: []veriff.SessionID{id}}); again.Fetched != 1 || h.media() != 1 {
		t.Errorf("once it works: %+v", again)
	}
}

func TestWarmEndsWhenTheAPIIsOutOfReach(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{Scale: sandbox.Scale{Sessions: 200, Files: 3, FileSize: 10}})
	h.Set(sandbox.Match{}, sandbox.Refuse())
	done, err := h.lib.Warm(context.Background(), library.WarmOptions{}, nil)
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
	done, err := h.lib.Warm(ctx, library.WarmOptions{}, nil)
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
	if again := h.warm(library.WarmOptions{}); again.Fetched != missing || again.Cached != all-missing || h.media() != missing {
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
		_, err := h.lib.Warm(context.Background(), library.WarmOptions{Sessions: h.SessionIDs()[1:]}, nil)
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

func TestEraseSessionErasesThatSessionAlone(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.withFiles(2)
	// A file of an earlier attempt is erased, too.
	earlier := h.files(id)
	h.warm(library.WarmOptions{})
	h.AddAttempt(id, sandbox.Attempt{Status: "approved", Media: []sandbox.File{sandbox.NewFile("face", "image/jpeg", []byte("another face"))}})
	h.lib.ForgetListing(id)
	h.warm(library.WarmOptions{Sessions: []veriff.SessionID{id}})
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
	h.warm(library.WarmOptions{})
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
	h.warm(library.WarmOptions{})
	erasure, err := h.lib.EraseAll(context.Background())
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

// What is being fetched while all is erased is not left behind.
func TestEraseWaitsForFetches(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.withFiles(1)
	f := h.files(id)[0]
	slow := h.Set(sandbox.Match{Kind: sandbox.Media, ID: f.ID.String()}, sandbox.Stall(f.Size/2))
	read := make(chan error, 1)
	go func() {
		b, err := h.read(id, f)
		if err == nil && !bytes.Equal(b, h.Bytes(f.ID)) {
			err = errors.New("other bytes")
		}
		read <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := slow.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	erased := make(chan error, 1)
	go func() {
		_, err := h.lib.EraseAll(ctx)
		erased <- err
	}()
	slow.Release()
	if err := <-erased; err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != nil {
		t.Error("the reader of an erased file:", err)
	}
	if h.cached(f) {
		t.Error("a file whose fetch had begun was left in the cache")
	}
}

func TestPinnedFilesStay(t *testing.T) {
	const size, files = 64 << 10, 8
	h := newHouse(t, 4<<20, sandbox.Options{Scale: sandbox.Scale{Sessions: 20, Files: files, FileSize: size}})
	id := h.SessionIDs()[0]
	if p, err := h.lib.Pin(context.Background(), id.String()); err != nil || p != (library.Pinned{Files: files}) {
		t.Fatalf("%+v, %v", p, err)
	}
	h.warm(library.WarmOptions{Sessions: []veriff.SessionID{id}})
	h.restart() // a pin outlasts the mount
	h.warm(library.WarmOptions{})
	if h.cache.Stats().Evictions == 0 {
		t.Fatal("nothing was evicted, so the test proves nothing")
	}
	for _, f := range h.files(id) {
		if !h.cached(f) {
			t.Errorf("%s was evicted though it is pinned", f.ID)
		}
	}
	if p, err := h.lib.Pin(context.Background(), id.String()); err != nil || p != (library.Pinned{Files: files, Fetched: files}) {
		t.Fatalf("once they are fetched: %+v, %v", p, err)
	}
	if e, err := h.lib.Evict(context.Background(), []string{id.String()}); err != nil || e != (library.Evicted{Pinned: files}) {
		t.Fatalf("of what is pinned: %+v, %v", e, err)
	}
	evicted, err := h.lib.Evict(context.Background(), nil)
	if err != nil || evicted.Files == 0 || evicted.Pinned != files {
		t.Fatalf("%+v, %v", evicted, err)
	}
	for _, other := range h.SessionIDs() {
		for _, f := range h.files(other) {
			if h.cached(f) != (other == id) {
				t.Errorf("after eviction of all but what is pinned, %s: %v", f.ID, h.cached(f))
			}
		}
	}
	// Not from erasure, though.
	if _, err := h.lib.Unpin(context.Background(), h.files(id)[0].ID.String()); err != nil {
		t.Fatal(err)
	}
	if evicted, err = h.lib.Evict(context.Background(), []string{id.String()}); err != nil || evicted.Files != 1 || evicted.Pinned != files-1 {
		t.Errorf("of the session, one file unpinned: %+v, %v", evicted, err)
	}
	if _, err := h.lib.EraseSession(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	if s := h.cache.Stats(); s.Pinned != 0 {
		t.Errorf("%d erased objects are still pinned", s.Pinned)
	}
}

// TestNames: everything that a mount shows can be pinned, fetched, evicted and
// unpinned by where it is shown.
func TestNames(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{Scale: sandbox.Scale{Sessions: 3, Files: 4, FileSize: 1 << 10}})
	ctx := t.Context()
	session, _ := h.Session(h.SessionIDs()[0])
	id, newest := session.ID.String(), session.Attempts[0]
	list, err := h.lib.Session(ctx, session.ID)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range list.Files {
		all = append(all, list.Files[i].ID.String())
	}
	one, named := list.Files[0], h.lib.ByContext(list)[0]
	for name, want := range map[string][]string{
		id:                                  all,
		"sessions/" + id:                    all,
		"by-context/" + id:                  all,
		"metadata/" + id:                    all,
		newest.ID.String():                  all,
		"attempts/" + newest.ID.String():    all,
		one.ID.String():                     {one.ID.String()},
		"sessions/" + id + "/" + one.Name(): {one.ID.String()},
		"attempts/" + newest.ID.String() + "/" + one.Name(): {one.ID.String()},
		"by-context/" + id + "/" + named.Name:               {named.File.ID.String()},
	} {
		fetched := func() (ids []string) {
			for i := range list.Files {
				if h.cache.Has(cache.Key("media/" + list.Files[i].ID.String())) {
					ids = append(ids, list.Files[i].ID.String())
				}
			}
			return ids
		}
		n := len(want)
		if p, err := h.lib.Pin(ctx, name); err != nil || p != (library.Pinned{Files: n}) {
			t.Errorf("pin %s: %+v, %v", name, p, err)
		}
		if done := h.warm(library.WarmOptions{Names: []string{name}}); done.Fetched != n || done.Failed != 0 || !slices.Equal(fetched(), want) {
			t.Errorf("warm %s: %+v", name, done)
		}
		if e, err := h.lib.Evict(ctx, []string{name}); err != nil || e != (library.Evicted{Pinned: n}) {
			t.Errorf("evict %s, pinned: %+v, %v", name, e, err)
		}
		if p, err := h.lib.Unpin(ctx, name); err != nil || p != (library.Pinned{Files: n, Fetched: n}) || h.cache.Stats().Pinned != 0 {
			t.Errorf("unpin %s: %+v, %v; %d pins", name, p, err, h.cache.Stats().Pinned)
		}
		h.warm(library.WarmOptions{})
		if e, err := h.lib.Evict(ctx, []string{name}); err != nil || e.Files != n || len(fetched()) != len(all)-n {
			t.Errorf("evict %s: %+v, %v", name, e, err)
		}
		if _, err := h.lib.Evict(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamesThatAreNone(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.SessionIDs()[0].String()
	const unknown = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
	for _, name := range []string{
		"", "passport", "sessions", "sessions/", "sessions/x", "else/" + id, "sessions/" + id + "/face.jpg", "README.txt",
		"sessions/" + id + "/" + unknown + ".jpg/x", "by-context/" + id + "/a/b", "by-context/" + id + "/face", "metadata/" + id + "/face.jpg",
		"metadata/" + id + "/decision.json", id + "/x", "/" + id, "../" + id,
	} {
		_, pinned := h.lib.Pin(t.Context(), name)
		_, evicted := h.lib.Evict(t.Context(), []string{name})
		if pinned == nil || evicted == nil {
			t.Errorf("%q: %v, %v", name, pinned, evicted)
		}
	}
	if n := h.Requests().Total; n != 0 {
		t.Errorf("%d requests for what can't be there", n)
	}
	for _, name := range []string{unknown, "sessions/" + unknown, "attempts/" + unknown, "sessions/" + id + "/" + unknown + ".jpg", "by-context/" + id + "/nothing.jpg"} {
		if _, err := h.lib.Pin(t.Context(), name); !errors.Is(err, library.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	done, err := h.lib.Warm(t.Context(), library.WarmOptions{Names: []string{id, "attempts/" + unknown}}, nil)
	if err != nil || done.Failed != 1 || done.Fetched != len(h.files(h.SessionIDs()[0])) || done.Failures[0].Session != "attempts/"+unknown {
		t.Errorf("one that is not there beside one that is: %+v, %v", done, err)
	}
}

func TestPinOfWhatIsNotThere(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	if _, err := h.lib.Pin(context.Background(), "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("an unknown id: %v", err)
	}
	if _, err := h.lib.Pin(context.Background(), "passport"); !errors.Is(err, veriff.ErrNotUUID) {
		t.Errorf("no id: %v", err)
	}
}

func TestStatsTellWhereOpensWereAnsweredFrom(t *testing.T) {
	h := newHouse(t, 1<<30, sandbox.Options{})
	id := h.withFiles(2)
	good, bad := h.files(id)[0], h.files(id)[1]
	h.Set(sandbox.Match{Kind: sandbox.Media, ID: bad.ID.String()}, sandbox.Unsigned())
	for range 3 {
		if _, err := h.read(id, good); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.read(id, bad); err == nil {
		t.Fatal("an unsigned file was opened")
	}
	s := h.lib.Stats()
	if got := fmt.Sprint(s.Opens, s.Cached, s.Failed); got != "3 2 1" {
		t.Errorf("opens, cached, failed: %s", got)
	}
	if s.Sessions != len(h.SessionIDs()) || s.Offline != nil || s.API.FirstByte.Count == 0 || s.API.FirstByte.Quantile(0.99) == 0 {
		t.Errorf("%+v", s)
	}
}
