package library_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

func TestPinnedFilesStay(t *testing.T) {
	const size, files = 64 << 10, 8
	h := newHouse(t, 4<<20, sandbox.Options{Scale: sandbox.Scale{Sessions: 20, Files: files, FileSize: size}})
	id := h.SessionIDs()[0]
	if p, err := h.lib.Pin(context.Background(), id.String()); err != nil || p != (library.Pinned{Files: files}) {
		t.Fatalf("%+v, %v", p, err)
	}
	h.warm(warming.Options{Sessions: []veriff.SessionID{id}})
	h.restart() // a pin outlasts the mount
	h.warm(warming.Options{})
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
		if done := h.warm(warming.Options{Names: []string{name}}); done.Fetched != n || done.Failed != 0 || !slices.Equal(fetched(), want) {
			t.Errorf("warm %s: %+v", name, done)
		}
		if e, err := h.lib.Evict(ctx, []string{name}); err != nil || e != (library.Evicted{Pinned: n}) {
			t.Errorf("evict %s, pinned: %+v, %v", name, e, err)
		}
		if p, err := h.lib.Unpin(ctx, name); err != nil || p != (library.Pinned{Files: n, Fetched: n}) || h.cache.Stats().Pinned != 0 {
			t.Errorf("unpin %s: %+v, %v; %d pins", name, p, err, h.cache.Stats().Pinned)
		}
		h.warm(warming.Options{})
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
	done, err := h.lib.Warm(t.Context(), warming.Options{Names: []string{id, "attempts/" + unknown}}, nil)
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
