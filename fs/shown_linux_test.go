package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/warming"
	"veriffs/veriff/sandbox"
)

// stills are the pictures that most tests here show.
var stills = listing.Selection{Contexts: []string{"document-*", "face*"}, NoVideo: true, NoNFC: true}

// isStill is the test's own idea of these.
func isStill(f sandbox.File) bool {
	return (strings.HasPrefix(f.Context, "document-") || strings.HasPrefix(f.Context, "face")) && strings.HasPrefix(f.MIMEType, "image/") &&
		!strings.Contains(f.Context, "nfc") && fileName(f) != f.ID.String()+".bin"
}

// TestShown: what is left out is in no tree, under no name, and never fetched, whoever
// walks, warms or pins.
func TestShown(t *testing.T) {
	w := newWorld(t, worldConfig{})
	whole := make(map[string][]string) // the names by context that all files have
	for _, s := range w.Sessions() {
		whole[s.ID.String()] = w.names("by-context", s.ID.String())
	}
	w.config.shown = stills
	w.remount()
	w.ResetRequests()
	hidden, still := make(map[string]bool), 0 // paths of the API
	var names []string
	for _, s := range w.Sessions() {
		for _, attempt := range s.Attempts {
			var want []string
			for _, f := range attempt.Media {
				if isStill(f) {
					want = append(want, fileName(f))
					still++
					continue
				}
				hidden["/v1/media/"+f.ID.String()] = true
				names = append(names, "attempts/"+attempt.ID.String()+"/"+fileName(f))
			}
			slices.Sort(want)
			if got := w.names("attempts", attempt.ID.String()); !slices.Equal(got, want) {
				t.Errorf("attempt %s has %q, not %q", attempt.ID, got, want)
			}
		}
		for _, f := range s.Attempts[0].Media {
			if !isStill(f) {
				names = append(names, "sessions/"+s.ID.String()+"/"+fileName(f))
			}
		}
		links := w.links(s.ID)
		for _, name := range whole[s.ID.String()] {
			if _, shown := links[name]; !shown {
				names = append(names, "by-context/"+s.ID.String()+"/"+name)
			}
		}
		if got := w.names("sessions", s.ID.String()); len(got) != len(links) {
			t.Errorf("session %s: %d files, %d links", s.ID, len(got), len(links))
		}
		for name, target := range links {
			if i := slices.IndexFunc(s.Attempts[0].Media, func(f sandbox.File) bool { return fileName(f) == filepath.Base(target) }); i < 0 || !isStill(s.Attempts[0].Media[i]) || !slices.Contains(whole[s.ID.String()], name) {
				t.Errorf("%s leads to %s", name, target)
			}
		}
	}
	if still == 0 || len(hidden) == 0 {
		t.Fatal("the world shows nothing, or all")
	}
	for _, name := range names {
		if _, err := os.Lstat(w.path(name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Open(w.path(name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s opens: %v", name, err)
		}
		if p, err := w.lib.Pin(t.Context(), name); !errors.Is(err, library.ErrNotFound) || p.Files != 0 {
			t.Errorf("%s is pinned: %v", name, err)
		}
	}
	w.mustShell(`find . -type f -exec cat {} + >/dev/null; find . -type f -size +0 >/dev/null; cat by-context/*/* >/dev/null`)
	var sessions []string
	for _, s := range w.Sessions() {
		sessions = append(sessions, s.ID.String())
		if _, err := w.lib.Pin(t.Context(), s.ID.String()); err != nil {
			t.Error(err)
		}
	}
	if done, err := w.lib.Warm(t.Context(), warming.Options{Names: sessions}, nil); err != nil || done.Failed != 0 || done.Fetched != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if done, err := w.lib.Warm(t.Context(), warming.Options{Names: names}, nil); err != nil || done.Files != 0 {
		t.Errorf("by their names: %+v, %v", done, err)
	}
	for path := range w.Requests().ByPath {
		if hidden[path] {
			t.Errorf("%s was fetched", path)
		}
	}
	// By design: the API's own words name all of it.
	body := w.mustShell(`cat metadata/*/media.json`)
	if !strings.Contains(body, "selfid_video") {
		t.Error("metadata/ is narrowed")
	}
}

// TestShownBesideAHold: a hold is of the whole session, and shows no more of it.
func TestShownBesideAHold(t *testing.T) {
	w := newWorld(t, worldConfig{shown: stills})
	for _, s := range w.Sessions() {
		if slices.ContainsFunc(s.Attempts[0].Media, func(f sandbox.File) bool { return !isStill(f) }) {
			before := w.names("sessions", s.ID.String())
			held, err := w.lib.Hold(t.Context(), library.HoldOptions{Session: s.ID, Reason: "a test"})
			if err != nil {
				t.Fatal(err)
			}
			files := 0
			for _, a := range s.Attempts {
				files += len(a.Media)
			}
			if held.Files != files || held.Cached != files {
				t.Errorf("%+v of %d files", held, files)
			}
			if after := w.names("sessions", s.ID.String()); !slices.Equal(before, after) {
				t.Errorf("%q, not %q", after, before)
			}
			return
		}
	}
	t.Fatal("no session has anything else")
}

// TestShownNoMore: a file that the API calls something else from now on is gone from
// the mount, for those who knew its name, too.
func TestShownNoMore(t *testing.T) {
	w := newWorld(t, worldConfig{listTTL: time.Nanosecond, shown: listing.Selection{Contexts: []string{"face"}}})
	session := w.Sessions()[0]
	file := session.Attempts[0].Media[0]
	list := func(context string) {
		w.ClearFaults()
		body := `{"status":"success","images":[{"id":"` + file.ID.String() + `","context":` + context + `,"mimetype":"image/jpeg","size":"4"}]}`
		w.Set(sandbox.Match{Kind: sandbox.SessionMedia}, sandbox.Body(200, "application/json", []byte(body)))
	}
	path := w.path("sessions", session.ID.String(), file.ID.String()+".jpg")
	list(`"face"`)
	if names := w.names("sessions", session.ID.String()); len(names) != 1 {
		t.Fatalf("%q", names)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	for _, context := range []string{`"document-front"`, `""`, `null`} {
		list(context)
		if names := w.names("sessions", session.ID.String()); len(names) != 0 {
			t.Errorf("called %s: %q", context, names)
		}
		eventually(t, "the name is forgotten", func() bool {
			_, err := os.Stat(path)
			return errors.Is(err, os.ErrNotExist)
		})
	}
	list(`"face"`)
	if names := w.names("sessions", session.ID.String()); len(names) != 1 {
		t.Errorf("called a face again: %q", names)
	}
}
