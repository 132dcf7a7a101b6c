package fs_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// links returns where the names of by-context/<session> lead, by name.
func (w *world) links(session veriff.SessionID) map[string]string {
	w.t.Helper()
	all := make(map[string]string)
	for _, name := range w.names("by-context", session.String()) {
		target, err := os.Readlink(w.path("by-context", session.String(), name))
		if err != nil {
			w.t.Fatal(err)
		}
		all[name] = target
	}
	return all
}

// TestByContext: names for people, links that lead to the right bytes, and
// nothing asked beyond what sessions/ asks.
func TestByContext(t *testing.T) {
	w := newWorld(t, worldConfig{})
	safe := regexp.MustCompile(`^[a-z0-9_]+(-[a-z0-9_]+)*\.[a-z0-9]+$`)
	sessions := w.Sessions()
	if n := w.requests(func() {
		for _, s := range sessions {
			seen := make(map[string]bool)
			for name, target := range w.links(s.ID) {
				if !safe.MatchString(name) {
					t.Errorf("the name %q", name)
				}
				if !strings.HasPrefix(target, "../../sessions/"+s.ID.String()+"/") || seen[target] {
					t.Errorf("%s leads to %s", name, target)
				}
				seen[target] = true
				info, err := os.Lstat(w.path("by-context", s.ID.String(), name))
				st := info.Sys().(*syscall.Stat_t)
				if err != nil || st.Mode != syscall.S_IFLNK|0o777 || st.Nlink != 1 || st.Size != int64(len(target)) || st.Mtim.Nano() != mtime(s.Attempts[0]) {
					t.Errorf("%s: %+v, %v", name, st, err)
				}
			}
			for _, f := range s.Attempts[0].Media {
				if !seen["../../sessions/"+s.ID.String()+"/"+fileName(f)] {
					t.Errorf("nothing leads to %s, a %s", f.ID, f.Context)
				}
			}
		}
	}); n != 2*len(sessions) {
		t.Errorf("looking at %d sessions cost %d requests", len(sessions), n)
	}

	out := writable(t, t.TempDir())
	w.mustShell(`rsync -aL by-context/ "$1"`, out)
	for _, s := range sessions {
		for name, target := range w.links(s.ID) {
			want, err := os.ReadFile(w.path("by-context", s.ID.String(), target))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(out, s.ID.String(), name)); err != nil || !bytes.Equal(got, want) || len(got) == 0 {
				t.Errorf("exported %s/%s: %d bytes, want %d, %v", s.ID, name, len(got), len(want), err)
			}
		}
	}
	if moved := w.mustShell(`rsync -aL --itemize-changes by-context/ "$1"`, out); moved != "" {
		t.Errorf("a second rsync moves:\n%s", moved)
	}
	w.remount()
	if n := w.requests(func() {
		if moved := w.mustShell(`rsync -aL --itemize-changes by-context/ "$1"`, out); moved != "" {
			t.Errorf("an rsync after a remount moves:\n%s", moved)
		}
	}); n != 0 {
		t.Errorf("after a remount it cost %d requests", n)
	}
}

// contextSession adds a session whose newest attempt has files of these
// contexts, in this order of ids.
func (w *world) contextSession(contexts ...string) sandbox.Session {
	s := sandbox.Session{Status: "approved", Attempts: []sandbox.Attempt{{Created: time.UnixMilli(1_770_000_000_000)}}}
	for i, context := range contexts {
		s.Attempts[0].Media = append(s.Attempts[0].Media, contextFile(i, context))
	}
	return w.AddSession(s)
}

// contextFile makes a file whose id is the n-th in order.
func contextFile(n int, context string) sandbox.File {
	f := sandbox.NewFile(context, "image/jpeg", fmt.Appendf(nil, "content %d", n))
	id, err := veriff.ParseMediaID(fmt.Sprintf("c0ffee%02x-1111-4222-8333-444455556666", n))
	if err != nil {
		panic(err)
	}
	f.ID = id
	return f
}

// TestContextNames: names are fit for every file system, whatever the API
// calls a context.
func TestContextNames(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: sandbox.Options{Empty: true}, unlisted: true})
	contexts := []string{
		"face", "face", "face", "face-2", "FACE", "", "../../etc/passwd", "a/b\x00c", "..", "вид сбоку", "-rf", "document front",
		strings.Repeat("x", 300), "selfid_video", "new-kind-of-picture", "\n", ".hidden", "a.b.exe",
	}
	want := map[string]int{
		"face.jpg": 0, "face-2.jpg": 1, "face-3.jpg": 2, "face-2-2.jpg": 3, "face-4.jpg": 4,
		"unknown.jpg": 5, "etc-passwd.jpg": 6, "a-b-c.jpg": 7, "unknown-2.jpg": 8, "unknown-3.jpg": 9, "rf.jpg": 10,
		"document-front.jpg": 11, strings.Repeat("x", 64) + ".jpg": 12, "selfid_video.jpg": 13, "new-kind-of-picture.jpg": 14,
		"unknown-4.jpg": 15, "hidden.jpg": 16, "a-b-exe.jpg": 17,
	}
	s := w.contextSession(contexts...)
	links := w.links(s.ID)
	for name, n := range want {
		if target := "../../sessions/" + s.ID.String() + "/" + fileName(s.Attempts[0].Media[n]); links[name] != target {
			t.Errorf("%q leads to %q, want %q, a %q", name, links[name], target, contexts[n])
		}
	}
	if len(links) != len(contexts) {
		t.Errorf("%d names for %d files: %q", len(links), len(contexts), slices.Sorted(maps.Keys(links)))
	}
	if n := w.requests(func() {
		for _, name := range []string{".DS_Store", "._face.jpg", "face", "Face.jpg", "face.exe", "face.jpg~", "desktop.ini", "-face.jpg", strings.Repeat("x", 100) + ".jpg"} {
			if _, err := os.Lstat(w.path("by-context", s.ID.String(), name)); !isErrno(err, syscall.ENOENT) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}); n != 0 {
		t.Errorf("impossible names cost %d requests", n)
	}
}

// TestContextNamesStay: a file keeps its name by context while it exists,
// whatever the API does to its list, and across remounts.
func TestContextNamesStay(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: sandbox.Options{Empty: true}, unlisted: true, listTTL: 1})
	s := w.contextSession("spare", "face", "spare", "face", "spare", "face", "document-front")
	target := func(f sandbox.File) string { return "../../sessions/" + s.ID.String() + "/" + fileName(f) }
	files := s.Attempts[0].Media
	want := map[string]string{
		"spare.jpg": target(files[0]), "spare-2.jpg": target(files[2]), "spare-3.jpg": target(files[4]),
		"face.jpg": target(files[1]), "face-2.jpg": target(files[3]), "face-3.jpg": target(files[5]),
		"document-front.jpg": target(files[6]),
	}
	check := func(when string) {
		t.Helper()
		if got := w.links(s.ID); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
		for name, target := range want { // as the kernel has them, too
			if got, err := os.Readlink(w.path("by-context", s.ID.String(), name)); err != nil || got != target {
				t.Errorf("%s: %s leads to %s, want %s, %v", when, name, got, target, err)
			}
		}
	}
	check("at first")
	for range 3 {
		w.ReorderLists()
		check("after the list was reordered")
	}

	// Files come and go within an attempt, as they do while it is going on.
	// The one that comes last has an id that comes before the others.
	edit := func(media ...sandbox.File) {
		t.Helper()
		current, _ := w.Session(s.ID)
		current.Attempts = slices.Clone(current.Attempts)
		current.Attempts[0].Media = media
		w.AddSession(current)
	}
	first := contextFile(0, "face")
	first.ID[0] = 0x01
	edit(append(slices.Clone(files), first)...)
	want["face-4.jpg"] = target(first)
	check("after one arrived")
	w.ReorderLists()
	check("after one arrived and the list was reordered")
	w.remount()
	check("after a remount")
	w.remount()
	check("after another remount")

	edit(append(slices.DeleteFunc(slices.Clone(files), func(f sandbox.File) bool { return f.ID == files[1].ID }), first)...)
	delete(want, "face.jpg")
	check("after one went")
	w.remount()
	check("after one went and a remount")
	next := contextFile(9, "face")
	edit(append(slices.DeleteFunc(slices.Clone(files), func(f sandbox.File) bool { return f.ID == files[1].ID }), first, next)...)
	want["face.jpg"] = target(next)
	check("after the next took the free number")

	// A new attempt: other files, so names begin anew.
	attempt, ok := w.AddAttempt(s.ID, sandbox.Attempt{
		Status: "approved", Created: time.UnixMilli(1_780_000_000_000), Media: []sandbox.File{contextFile(20, "face"), contextFile(21, "face")},
	})
	if !ok {
		t.Fatal("no attempt was added")
	}
	want = map[string]string{"face.jpg": target(attempt.Media[0]), "face-2.jpg": target(attempt.Media[1])}
	w.names("by-context", s.ID.String())
	eventually(t, "the names are those of the new attempt", func() bool { return maps.Equal(w.links(s.ID), want) })
	check("after a new attempt")
	eventually(t, "face.jpg is that of the new attempt", func() bool {
		got, err := os.ReadFile(w.path("by-context", s.ID.String(), "face.jpg"))
		return err == nil && string(got) == "content 20"
	})
}
