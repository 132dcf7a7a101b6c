package library_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"veriffs/internal/bucket"
	"veriffs/internal/bucket/folder"
	"veriffs/internal/library"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// join opens the team's store of a house that has one, and returns what closes it.
func (h *house) join() (leave func()) {
	h.t.Helper()
	h.team = nil
	if h.share == "" {
		return func() {}
	}
	f, err := folder.Open(h.share)
	if err != nil {
		h.t.Fatal(err)
	}
	var b bucket.Bucket = f
	if h.wrap != nil {
		b = h.wrap(f)
	}
	h.team = team.New(team.Options{Bucket: b, Cache: h.cache, Patience: time.Minute, Shareable: store.Shareable})
	return func() {
		h.team.Close()
		f.Close()
	}
}

// newTeam returns houses with caches of their own over one API, which share a folder.
func newTeam(t *testing.T, members int, world sandbox.Options) []*house {
	t.Helper()
	all := []*house{newHouse(t, 1<<30, world)}
	all[0].share = t.TempDir()
	all[0].restart()
	for range members - 1 {
		all = append(all, newMember(t, all[0]))
	}
	return all
}

// newMember returns another house that shares what one shares.
func newMember(t *testing.T, one *house) *house {
	t.Helper()
	h := &house{Sandbox: one.Sandbox, t: t, url: one.url, limit: 1 << 30, share: one.share, dir: filepath.Join(t.TempDir(), "cache")}
	h.up()
	t.Cleanup(func() { h.down() })
	return h
}

// shared waits until nothing is to be uploaded any more.
func (h *house) shared() team.Stats {
	h.t.Helper()
	h.eventually("all uploads are done", func() bool { return h.team.Stats().Queued == 0 })
	return h.team.Stats()
}

// sharedFiles are the files of the team's store.
func (h *house) sharedFiles() []string {
	h.t.Helper()
	all, err := filepath.Glob(filepath.Join(h.share, "????????????????", "??", "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// TestOnceForATeam: what one member has fetched, the others get without the API: opened,
// warmed, and through attempts.
func TestOnceForATeam(t *testing.T) {
	all := newTeam(t, 2, sandbox.Options{})
	one, two := all[0], all[1]
	files := one.allFiles()
	if done := one.warm(warming.Options{}); done.Failed != 0 || one.media() != len(files) {
		t.Fatalf("%+v", done)
	}
	if s := one.shared(); s.Shared != int64(len(files)) || len(one.sharedFiles()) != len(files) {
		t.Errorf("of %d files: %+v", len(files), s)
	}
	for _, id := range two.SessionIDs() {
		for _, f := range two.files(id) {
			if b, err := two.read(id, f); err != nil || !bytes.Equal(b, two.Bytes(f.ID)) {
				t.Errorf("%s: %v", f.ID, err)
			}
		}
	}
	if n := two.media(); n != 0 {
		t.Errorf("%d files were fetched from the API again", n)
	}
	s := two.lib.Stats()
	if s.Team.Hits != int64(len(files)) || s.Opens != int64(len(files)) {
		t.Errorf("%d opens, %+v", s.Opens, s.Team)
	}
}

// TestSourceOfAFile: an open says where it got the file.
func TestSourceOfAFile(t *testing.T) {
	all := newTeam(t, 2, history())
	id := all[0].SessionIDs()[0]
	for i, want := range [][]library.Source{{library.FromAPI, library.FromCache}, {library.FromTeam, library.FromCache}} {
		h := all[i]
		f := &h.listing(id).Files[0]
		for _, from := range want {
			open, err := h.lib.Open(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			if open.From() != from {
				t.Errorf("member %d: from %d, want %d", i, open.From(), from)
			}
			open.Close()
		}
		h.shared()
	}
}

// TestNotShared: only files that Veriff signed are shared, and of these none whose session
// is not known; neither lists nor documents are.
func TestNotShared(t *testing.T) {
	all := newTeam(t, 2, history())
	h := all[0]
	id := h.SessionIDs()[0]
	h.listing(id)
	if _, err := h.lib.OpenDocument(context.Background(), id, 0); err != nil {
		t.Fatal(err)
	}
	if s := h.shared(); s.Misses+s.Shared+s.Hits != 0 {
		t.Errorf("a document went to the team's store: %+v", s)
	}
	unsigned := all[1]
	unsigned.verify = veriff.VerifyOff
	unsigned.restart()
	fault := h.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Unsigned())
	defer fault.Remove()
	if _, err := unsigned.read(id, unsigned.files(id)[0]); err != nil {
		t.Fatal(err)
	}
	if s := unsigned.shared(); s.Unshared != 1 || len(h.sharedFiles()) != 0 {
		t.Errorf("what nobody signed: %+v", s)
	}
}

// TestOtherSessionInTheStore: an object that a member sealed for another session is not
// taken, for an erasure would not find it.
func TestOtherSessionInTheStore(t *testing.T) {
	all := newTeam(t, 2, history())
	one, two := all[0], all[1]
	ids := one.SessionIDs()
	f := one.files(ids[0])[0]
	label := store.Label{Session: ids[1].String(), SHA256: string(bytes.Repeat([]byte("0"), 64)), SecretID: "some"}
	store.Put(one.cache, store.File(f.ID), []byte("what a member should not have sealed"), label.Text())
	sealed, ok := one.cache.Export(store.File(f.ID), false)
	if !ok {
		t.Fatal("not handed out")
	}
	defer sealed.Close()
	bucket, err := folder.Open(one.share)
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	if err := bucket.Put(context.Background(), sealed.Path, sealed.Body); err != nil {
		t.Fatal(err)
	}
	if b, err := two.read(ids[0], f); err != nil || !bytes.Equal(b, two.Bytes(f.ID)) {
		t.Errorf("%q, %v", b[:min(len(b), 40)], err)
	}
	if s := two.shared(); s.Refused != 1 || s.Shared != 1 {
		t.Errorf("%+v", s)
	}
}

// newPair returns two members, of which the first has shared a session.
func newPair(t *testing.T) (one, two *house, shared veriff.SessionID) {
	t.Helper()
	all := newTeam(t, 2, history())
	one, two = all[0], all[1]
	shared = one.SessionIDs()[0]
	one.warm(warming.Options{Sessions: []veriff.SessionID{shared}})
	one.shared()
	return one, two, shared
}

// TestHeldByTheTeam: a held file that Veriff no longer has, and that was never fetched
// here, comes from the team's store, also when that gets it later.
func TestHeldByTheTeam(t *testing.T) {
	one, two, id := newPair(t)
	list := two.listing(id)
	there, later := &list.Files[0], &list.Files[1]
	for _, f := range []*library.File{there, later} {
		defer two.Set(sandbox.Match{Kind: sandbox.Media, ID: f.ID.String()}, sandbox.Status(404)).Remove()
	}
	path := filepath.Join(one.share, two.cache.SharedPaths(store.File(later.ID))[0])
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	two.lib.Hold(context.Background(), library.HoldOptions{Session: id, Reason: "claim"})
	if err := two.opens(there); err != nil {
		t.Error("what the store had:", err)
	}
	if err := two.opens(later); !errors.Is(err, library.ErrNotFound) {
		t.Error("what nobody has:", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	two.ResetRequests()
	if err := two.opens(later); err != nil {
		t.Error("what the store has got:", err)
	}
	if n := two.Requests().ByPath["/v1/media/"+later.ID.String()]; n != 0 {
		t.Errorf("the API was asked %d times for what it no longer has", n)
	}
}

// TestOfflineWithATeam: while the API is out of reach, the team's store has the files
// whose lists are known.
func TestOfflineWithATeam(t *testing.T) {
	_, two, id := newPair(t)
	list := two.listing(id)
	down := two.Set(sandbox.Match{}, sandbox.Refuse())
	defer down.Remove()
	for range 3 {
		for i := range list.Files {
			f := &list.Files[i]
			if err := two.opens(f); err != nil {
				t.Error(err)
			}
			if err := two.cache.Remove(store.File(f.ID)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTornStore: a store whose folder vanishes makes no open fail.
func TestTornStore(t *testing.T) {
	all := newTeam(t, 1, sandbox.Options{})
	h := all[0]
	if err := os.RemoveAll(h.share); err != nil {
		t.Fatal(err)
	}
	if done := h.warm(warming.Options{}); done.Failed != 0 || done.Fetched != len(h.allFiles()) {
		t.Errorf("%+v", done)
	}
	if s := h.team.Stats(); s.Shared != 0 {
		t.Errorf("%+v", s)
	}
}
