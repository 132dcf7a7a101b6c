package exhibit_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/adrg/xdg"
	"go.uber.org/goleak"

	"veriffs/cache"
	"veriffs/internal/control"
	"veriffs/internal/exhibit"
	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a library over a stand-in for the API, and what hands out its exhibits.
type house struct {
	*sandbox.Sandbox
	t      *testing.T
	lib    *library.Library
	source exhibit.Source
	id     veriff.SessionID
}

// eachSource runs a test with the library itself, and with the client of a mount.
func eachSource(t *testing.T, test func(h *house)) {
	t.Run("library", func(t *testing.T) {
		h := newHouse(t)
		h.source = exhibit.Of(h.lib)
		test(h)
	})
	t.Run("mount", func(t *testing.T) {
		h := newHouse(t)
		h.source = h.client()
		test(h)
	})
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{Sandbox: sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 2, Attempts: 2, Files: 3, FileSize: 5000}}), t: t}
	api, err := sandbox.Listen(h.Sandbox)
	h.must(err)
	t.Cleanup(api.Close)
	client, err := veriff.New(veriff.Config{BaseURL: api.URL, APIKey: h.APIKey, Secrets: h.Secrets()})
	h.must(err)
	t.Cleanup(client.Close)
	store, err := cache.Open(cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 1 << 30, Secrets: [][]byte{[]byte(h.Secrets()[0])}})
	h.must(err)
	t.Cleanup(func() { store.Close() })
	h.lib, err = library.New(library.Options{Client: client, Cache: store, NoReadAhead: true})
	h.must(err)
	t.Cleanup(h.lib.Close)
	h.id = h.SessionIDs()[0]
	return h
}

// client serves the library as a mount does, and returns the mount's client.
func (h *house) client() *control.Client {
	h.t.Helper()
	dir, err := os.MkdirTemp("/tmp", "veriffs-exhibit-") // a socket's path must be short
	h.must(err)
	h.t.Cleanup(func() { os.RemoveAll(dir) })
	h.t.Setenv("XDG_RUNTIME_DIR", dir)
	h.t.Setenv("TMPDIR", dir)
	xdg.Reload()
	server, err := control.Serve(control.Options{Library: h.lib, Exhibits: exhibit.Of(h.lib), Mount: control.ThisProcess("/mnt/veriff", "a1b2c3", "/cache", "v1")})
	h.must(err)
	h.t.Cleanup(server.Close)
	mounts := control.Find(h.t.Context())
	if len(mounts) != 1 {
		h.t.Fatalf("%d mounts", len(mounts))
	}
	return mounts[0]
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) exhibits(want exhibit.Selection) exhibit.Inventory {
	h.t.Helper()
	v, err := h.source.Exhibits(h.t.Context(), h.id, want)
	h.must(err)
	return v
}

// read opens an item and reads it to its end.
func (h *house) read(i exhibit.Item) (text []byte, o exhibit.Origin, err error) {
	body, o, err := h.source.OpenExhibit(h.t.Context(), i)
	if err != nil {
		return nil, o, err
	}
	defer body.Close()
	text, err = io.ReadAll(body)
	return text, o, err
}

// media are the files among items.
func media(items []exhibit.Item) []exhibit.Item {
	return slices.DeleteFunc(slices.Clone(items), func(i exhibit.Item) bool { return i.Kind != exhibit.Media })
}

// A session that Veriff no longer has is not listed, and nothing of it is handed out,
// whether it was listed before or handed out before.
func TestSessionThatIsGone(t *testing.T) {
	eachSource(t, func(h *house) {
		items := h.exhibits(exhibit.Selection{AllAttempts: true}).Items
		_, _, err := h.read(media(items)[0])
		h.must(err)
		h.DeleteSession(h.id)
		h.lib.ForgetListing(h.id)
		if v, err := h.source.Exhibits(h.t.Context(), h.id, exhibit.Selection{}); !errors.Is(err, library.ErrNotFound) {
			h.t.Errorf("%+v, %v", v, err)
		}
		for _, i := range items {
			if text, _, err := h.read(i); !errors.Is(err, library.ErrNotFound) {
				h.t.Errorf("%+v: %d bytes, %v", i, len(text), err)
			}
		}
	})
}

// A file that is erased between its listing and its opening is fetched again, verified,
// as long as Veriff has it; after that it is an error, never what was erased.
func TestErasedBeforeItIsOpened(t *testing.T) {
	eachSource(t, func(h *house) {
		items := media(h.exhibits(exhibit.Selection{}).Items)
		before, _, err := h.read(items[0])
		h.must(err)
		_, err = h.lib.EraseSession(h.t.Context(), h.id)
		h.must(err)
		after, o, err := h.read(items[0])
		if err != nil || !bytes.Equal(after, before) || !o.Fetched || !o.Verified || o.Signature == "" || o.Client != h.APIKey {
			h.t.Errorf("%d bytes of %d, %+v, %v", len(after), len(before), o, err)
		}
		if _, o, err := h.read(items[0]); err != nil || o.Fetched {
			h.t.Errorf("once more: %+v, %v", o, err)
		}
		_, err = h.lib.EraseSession(h.t.Context(), h.id)
		h.must(err)
		gone, err := veriff.ParseMediaID(items[0].Media)
		h.must(err)
		h.DeleteMedia(gone)
		if text, _, err := h.read(items[0]); !errors.Is(err, library.ErrNotFound) {
			h.t.Errorf("what Veriff has no more: %d bytes, %v", len(text), err)
		}
		if _, _, err := h.read(items[1]); err != nil {
			h.t.Errorf("the file beside it: %v", err)
		}
	})
}

// What is open can be read on while it is erased.
func TestErasedWhileItIsOpen(t *testing.T) {
	eachSource(t, func(h *house) {
		item := media(h.exhibits(exhibit.Selection{}).Items)[0]
		body, o, err := h.source.OpenExhibit(h.t.Context(), item)
		h.must(err)
		defer body.Close()
		_, err = h.lib.EraseSession(h.t.Context(), h.id)
		h.must(err)
		if text, err := io.ReadAll(body); err != nil || int64(len(text)) != o.Size {
			h.t.Errorf("%d bytes of %d, %v", len(text), o.Size, err)
		}
	})
}

// A held session is listed and handed out as it was, with the word of its hold, after
// Veriff has deleted it. Nobody has signed that word.
func TestHeldSession(t *testing.T) {
	eachSource(t, func(h *house) {
		_, err := h.lib.Hold(h.t.Context(), library.HoldOptions{Session: h.id, Reason: "claim 4711"})
		h.must(err)
		want := exhibit.Selection{AllAttempts: true}
		before := make(map[exhibit.Item][]byte)
		for _, i := range h.exhibits(want).Items {
			text, _, err := h.read(i)
			h.must(err)
			before[i] = text
		}
		h.DeleteSession(h.id)
		h.lib.ForgetListing(h.id)
		v := h.exhibits(want)
		if len(v.Items) != len(before) || len(v.Missing) != 0 || len(v.Attempts) != 2 || len(media(v.Items)) != 6 {
			h.t.Errorf("%+v", v)
		}
		holds := 0
		for _, i := range v.Items {
			text, o, err := h.read(i)
			switch {
			case err != nil:
				h.t.Errorf("%+v: %v", i, err)
			case i.Kind == exhibit.Hold:
				if holds++; i.Name != listing.HoldDocument.Name() || o.Verified || o.Signature != "" || !bytes.Contains(text, []byte("claim 4711")) || !bytes.Contains(text, []byte("gone_at_veriff")) {
					h.t.Errorf("%+v: %+v, %s", i, o, text)
				}
			case !bytes.Equal(text, before[i]) || !o.Verified || o.Fetched:
				h.t.Errorf("%+v: %+v, %d bytes of %d", i, o, len(text), len(before[i]))
			}
		}
		if holds != 1 {
			h.t.Errorf("%d holds", holds)
		}
	})
}
