package fs_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"veriffs/cache"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// twoAttempts is a world in which every session has an older attempt.
var twoAttempts = sandbox.Options{Scale: sandbox.Scale{Sessions: 3, Attempts: 2, Files: 3, FileSize: 5000}}

// names returns the names in a directory of the mount, in name order.
func (w *world) names(elements ...string) []string {
	w.t.Helper()
	entries, err := os.ReadDir(w.path(elements...))
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

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

// writable makes what was copied from the mount removable at the test's end.
func writable(t *testing.T, dir string) string {
	t.Cleanup(func() {
		if err := exec.Command("chmod", "-R", "u+w", dir).Run(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestRoot: what is in the mount point is always there and costs nothing.
func TestRoot(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	var before os.FileInfo
	if n := w.requests(func() {
		if got, want := w.names(), []string{"README.txt", "attempts", "by-context", "metadata", "sessions"}; !slices.Equal(got, want) {
			t.Errorf("there is %q, want %q", got, want)
		}
		text, err := os.ReadFile(w.path("README.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if before, err = os.Stat(w.path("README.txt")); err != nil || before.Size() != int64(len(text)) || len(text) < 500 {
			t.Errorf("README.txt has %d bytes, says it has %v, %v", len(text), before.Size(), err)
		}
		for _, word := range []string{"sessions/", "attempts/", "by-context/", "metadata/", "cd sessions/"} {
			if !strings.Contains(string(text), word) {
				t.Errorf("README.txt does not mention %s", word)
			}
		}
		for line := range strings.Lines(string(text)) {
			if len(line) > 80 {
				t.Errorf("README.txt has a line of %d bytes", len(line))
			}
		}
		for _, dir := range []string{"by-context", "metadata", "sessions"} {
			if got := w.names(dir); len(got) != 2 {
				t.Errorf("%s has %q", dir, got)
			}
		}
		for _, name := range []string{"README.md", ".Trash", "attempts/x", "by-context/x", "metadata/.DS_Store"} {
			if _, err := os.Lstat(w.path(name)); !isErrno(err, syscall.ENOENT) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}); n != 0 {
		t.Errorf("looking cost %d requests", n)
	}
	if w.list(); len(w.names()) != 5 {
		t.Errorf("without sessions there is %q", w.names())
	}
	w.remount()
	if after, err := os.Stat(w.path("README.txt")); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("README.txt is of %v, after a remount of %v, %v", before.ModTime(), after.ModTime(), err)
	}
}

// TestAttempts: every attempt of a session that was entered is listed, older
// ones included; any other can be entered by name.
func TestAttempts(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: twoAttempts})
	if n := w.requests(func() {
		if got := w.names("attempts"); len(got) != 0 {
			t.Errorf("attempts of sessions that nobody entered: %q", got)
		}
	}); n != 0 {
		t.Errorf("looking cost %d requests", n)
	}
	w.mustShell(`ls sessions/*`)
	var want []string
	for _, s := range w.Sessions() {
		for _, a := range s.Attempts {
			want = append(want, a.ID.String())
		}
	}
	slices.Sort(want)
	check := func() {
		t.Helper()
		eventually(t, "all attempts are listed", func() bool { return slices.Equal(w.names("attempts"), want) })
		for _, s := range w.Sessions() {
			for _, a := range s.Attempts {
				dir := w.path("attempts", a.ID.String())
				if info, err := os.Stat(dir); err != nil || !info.ModTime().Equal(a.Created) {
					t.Errorf("attempt %s: %v, of %v, want %v", a.ID, err, info.ModTime(), a.Created)
				}
				for _, f := range a.Media {
					path := filepath.Join(dir, fileName(f))
					if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, w.Bytes(f.ID)) {
						t.Errorf("%s of attempt %s: %d bytes, %v", f.ID, a.ID, len(got), err)
					}
					if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(a.Created) || info.Size() != f.Size {
						t.Errorf("%s of attempt %s: %v, %v", f.ID, a.ID, info, err)
					}
				}
				if got := w.names("attempts", a.ID.String()); len(got) != len(a.Media) {
					t.Errorf("attempt %s has %q", a.ID, got)
				}
			}
		}
		if info, err := os.Stat(w.path("attempts")); err != nil || int(info.Sys().(*syscall.Stat_t).Nlink) != 2+len(want) {
			t.Errorf("attempts: %v, %v", info, err)
		}
	}
	w.ResetRequests()
	check()
	counts := w.Requests()
	if counts.ByKind[sandbox.AttemptMedia] != len(want) || counts.Total != len(want)+3*len(want) {
		t.Errorf("entering %d attempts and reading all files cost %v", len(want), counts.ByKind)
	}
	if n := w.requests(func() { w.mustShell(`cat sessions/*/*`) }); n != 0 {
		t.Errorf("what was read in attempts/ cost %d requests in sessions/", n)
	}
	w.remount()
	if n := w.requests(check); n != 0 {
		t.Errorf("after a remount it cost %d requests", n)
	}
}

// TestUnlistedAttempt: an attempt of a session that nobody named is entered by
// name, with its date, and its session is not listed for that.
func TestUnlistedAttempt(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: twoAttempts, unlisted: true})
	a := w.Sessions()[1].Attempts[1]
	path := w.path("attempts", a.ID.String(), fileName(a.Media[0]))
	if n := w.requests(func() {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, w.Bytes(a.Media[0].ID)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.ModTime().Equal(a.Created) {
			t.Errorf("%v, %v", info, err)
		}
	}); n != 3 {
		t.Errorf("it cost %d requests: want the list, the date and the file", n)
	}
	if got := append(w.names("attempts"), w.names("sessions")...); len(got) != 0 {
		t.Errorf("listed: %q", got)
	}
	unknown := "6f1c1c55-4c35-4b9a-8c61-9e5d1b7b0a11"
	for range 2 {
		if _, err := os.Stat(w.path("attempts", unknown)); !isErrno(err, syscall.ENOENT) {
			t.Errorf("an unknown attempt: %v", err)
		}
	}
	if n := w.Requests().ByKind[sandbox.AttemptMedia]; n != 2 {
		t.Errorf("%d attempts were asked for, want one that there is and once one that there is not", n)
	}
}

// TestAttemptFaults: an attempt that could not be asked for is an error and
// not absent; one that was known serves on; one that the API says is gone
// leaves attempts/ and, with its files, the cache.
func TestAttemptFaults(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: twoAttempts, listTTL: 1})
	a := w.Sessions()[0].Attempts[1]
	w.mustShell(`ls sessions/*`)
	fault := w.Set(sandbox.Match{Kind: sandbox.AttemptMedia}, sandbox.Status(500))
	if _, err := os.ReadDir(w.path("attempts", a.ID.String())); !isErrno(err, syscall.EIO) {
		t.Errorf("an attempt that the API fails to list: %v", err)
	}
	fault.Remove()
	file := w.path("attempts", a.ID.String(), fileName(a.Media[0]))
	if _, err := os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	w.names("attempts", a.ID.String())
	fault = w.Set(sandbox.Match{Kind: sandbox.AttemptMedia}, sandbox.Status(500))
	if got := w.names("attempts", a.ID.String()); len(got) != 3 {
		t.Errorf("the last list does not serve: %q", got)
	}
	fault.Remove()

	w = newWorld(t, worldConfig{sandbox: twoAttempts})
	w.mustShell(`ls sessions/*`)
	w.Set(sandbox.Match{Kind: sandbox.AttemptMedia, ID: a.ID.String()}, sandbox.Status(404))
	if _, err := os.ReadDir(w.path("attempts", a.ID.String())); !isErrno(err, syscall.ENOENT) {
		t.Errorf("an attempt that is gone: %v", err)
	}
	eventually(t, "it is not listed", func() bool { return !slices.Contains(w.names("attempts"), a.ID.String()) })
	if out, err := w.shell(`find attempts`); err != nil {
		t.Errorf("find meets an error: %v\n%s", err, out)
	}
}

// TestDeletedSessionEverywhere: a session that is gone leaves all trees.
func TestDeletedSessionEverywhere(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: twoAttempts})
	s := w.Sessions()[0]
	w.mustShell(`find . >/dev/null; find attempts >/dev/null; cat metadata/*/* attempts/*/* >/dev/null`)
	w.DeleteSession(s.ID)
	w.lib.ForgetListing(s.ID)
	if _, err := os.ReadDir(w.path("by-context", s.ID.String())); !isErrno(err, syscall.ENOENT) {
		t.Errorf("by-context of a session that is gone: %v", err)
	}
	for _, path := range []string{
		"sessions/" + s.ID.String(), "by-context/" + s.ID.String(), "metadata/" + s.ID.String(),
		"metadata/" + s.ID.String() + "/decision.json",
		"attempts/" + s.Attempts[1].ID.String(), "attempts/" + s.Attempts[1].ID.String() + "/" + fileName(s.Attempts[1].Media[0]),
	} {
		eventually(t, path+" is gone", func() bool {
			_, err := os.Lstat(w.path(path))
			return isErrno(err, syscall.ENOENT)
		})
	}
	if out, err := w.shell(`find .`); err != nil || strings.Contains(out, s.ID.String()) || strings.Contains(out, s.Attempts[1].ID.String()) {
		t.Errorf("find: %v\n%s", err, out)
	}
	for _, key := range []string{"media/" + s.Attempts[1].Media[0].ID.String(), "session/" + s.ID.String() + "/decision"} {
		eventually(t, key+" leaves the cache", func() bool { return !w.cache.Has(cache.Key(key)) })
	}
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

// TestMetadata: what the API answers, verbatim; looking costs nothing,
// entering five requests, once.
func TestMetadata(t *testing.T) {
	w := newWorld(t, worldConfig{})
	undecided := w.AddSession(sandbox.Session{Person: sandbox.Person{LastName: "Undecided"}, Attempts: []sandbox.Attempt{{Created: time.UnixMilli(1_770_000_000_000), Media: []sandbox.File{contextFile(1, "face")}}}})
	w.list(w.SessionIDs()...)
	sessions := w.Sessions()
	impersonal := sessions[1].ID
	w.Set(sandbox.Match{Kind: sandbox.PersonData, ID: impersonal.String()}, sandbox.Status(404))
	kinds := map[string]sandbox.Kind{
		"attempts.json": sandbox.SessionAttempts, "decision.json": sandbox.Decision, "media.json": sandbox.SessionMedia,
		"person.json": sandbox.PersonData, "watchlist-screening.json": sandbox.Watchlist,
	}
	if n := w.requests(func() { w.mustShell(`ls -l metadata; find . -maxdepth 2 -ls`) }); n != 0 {
		t.Errorf("looking cost %d requests", n)
	}
	check := func() {
		t.Helper()
		for _, s := range sessions {
			want := slices.Sorted(maps.Keys(kinds))
			if s.ID == impersonal || s.Person == (sandbox.Person{}) {
				want = slices.DeleteFunc(want, func(name string) bool { return name == "person.json" })
				if _, err := os.Stat(w.path("metadata", s.ID.String(), "person.json")); !isErrno(err, syscall.ENOENT) {
					t.Errorf("a document that the API says is not there: %v", err)
				}
			}
			if got := w.names("metadata", s.ID.String()); !slices.Equal(got, want) {
				t.Errorf("metadata/%s has %q, want %q", s.ID, got, want)
			}
			for _, name := range want {
				path := w.path("metadata", s.ID.String(), name)
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				body := w.Document(kinds[name], s.ID)
				if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, body) || info.Size() != int64(len(body)) {
					t.Errorf("%s of %s: %v\n%s\n%d bytes by stat, want\n%s", name, s.ID, err, got, info.Size(), body)
				}
				if st := info.Sys().(*syscall.Stat_t); st.Mode != syscall.S_IFREG|0o400 || st.Nlink != 1 {
					t.Errorf("%s: %+v", name, st)
				}
				if age := time.Since(info.ModTime()); age < 0 || age > time.Minute {
					t.Errorf("%s was received %v ago", name, age)
				}
			}
		}
	}
	if n := w.requests(check); n != 5*len(sessions) {
		t.Errorf("entering %d sessions cost %d requests: %v", len(sessions), n, w.Requests().ByKind)
	}
	if n := w.requests(check); n != 0 {
		t.Errorf("entering again cost %d requests", n)
	}
	if n := w.requests(func() { w.mustShell(`ls sessions/* by-context/*`) }); n != 0 {
		t.Errorf("the lists of what was entered in metadata/ cost %d requests in sessions/", n)
	}
	if got, err := os.ReadFile(w.path("metadata", undecided.ID.String(), "decision.json")); err != nil || !bytes.Contains(got, []byte(`"verification":null`)) {
		t.Errorf("a session without a decision: %s, %v", got, err)
	}
	hits := strings.Fields(w.mustShell(`grep -rl declined metadata/`))
	for _, s := range sessions {
		path := "metadata/" + s.ID.String() + "/decision.json"
		if slices.Contains(hits, path) != (s.Status == "declined") {
			t.Errorf("grep -r declined: %s, which is %q, in %q", path, s.Status, hits)
		}
	}
	list := w.mustShell(`find metadata -printf '%p %i %s %T@\n'`)
	w.remount()
	if n := w.requests(func() {
		check()
		if again := w.mustShell(`find metadata -printf '%p %i %s %T@\n'`); again != list {
			t.Errorf("after a remount:\n%s\nwas\n%s", again, list)
		}
	}); n != 0 {
		t.Errorf("after a remount it cost %d requests", n)
	}
}

// TestMetadataChanges: a decision changes, and shows so in content, size and
// time; what has not changed keeps its time.
func TestMetadataChanges(t *testing.T) {
	w := newWorld(t, worldConfig{listTTL: 1})
	s := w.Sessions()[0]
	path := w.path("metadata", s.ID.String(), "decision.json")
	look := func() (string, time.Time) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Size() != int64(len(got)) {
			t.Errorf("%d bytes, by stat %d, %v", len(got), info.Size(), err)
		}
		return string(got), info.ModTime()
	}
	body, received := look()
	if again, time := look(); again != body || !time.Equal(received) {
		t.Errorf("asked again, unchanged: of %v, was of %v", time, received)
	}
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	s.Status = "resubmission_requested"
	w.AddSession(s)
	changed, later := look()
	if want := string(w.Document(sandbox.Decision, s.ID)); changed != want || changed == body || !later.After(received) {
		t.Errorf("after the decision changed:\n%s\nof %v, want\n%s\nafter %v", changed, later, want, received)
	}
	w.Set(sandbox.Match{Kind: sandbox.Decision}, sandbox.Status(404))
	if _, err := os.ReadFile(path); !isErrno(err, syscall.ENOENT) {
		t.Errorf("after it went: %v", err)
	}
	eventually(t, "it is not listed", func() bool { return !slices.Contains(w.names("metadata", s.ID.String()), "decision.json") })
	w.ClearFaults()
	eventually(t, "it is listed again", func() bool { return slices.Contains(w.names("metadata", s.ID.String()), "decision.json") })
}

// TestMetadataFaults: a document that could not be asked for is neither absent
// nor in the way of the others; the last one serves when there is one.
func TestMetadataFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		effect sandbox.Effect
		errno  syscall.Errno
	}{
		"server error": {sandbox.Status(500), syscall.EIO},
		"forbidden":    {sandbox.Status(403), syscall.EACCES},
		"unsigned":     {sandbox.Unsigned(), syscall.EIO},
		"flipped":      {sandbox.FlipByte(3), syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: small})
			id := w.SessionIDs()[0]
			w.Set(sandbox.Match{Kind: sandbox.Watchlist}, fault.effect)
			if got := w.names("metadata", id.String()); len(got) != 5 {
				t.Errorf("listed: %q", got)
			}
			if _, err := os.ReadFile(w.path("metadata", id.String(), "watchlist-screening.json")); !isErrno(err, fault.errno) {
				t.Errorf("what could not be had: %v, want %v", err, fault.errno)
			}
			if got, err := os.ReadFile(w.path("metadata", id.String(), "decision.json")); err != nil || !bytes.Equal(got, w.Document(sandbox.Decision, id)) {
				t.Errorf("what could: %q, %v", got, err)
			}
		})
	}
	w := newWorld(t, worldConfig{sandbox: small, listTTL: 1})
	id := w.SessionIDs()[0]
	w.mustShell(`cat metadata/*/*`)
	w.server.Down()
	for _, name := range w.names("metadata", id.String()) {
		if got, err := os.ReadFile(w.path("metadata", id.String(), name)); err != nil || len(got) == 0 {
			t.Errorf("offline, %s: %v", name, err)
		}
	}
}

// TestIncompleteListing: what a listing with unusable entries lacks may be
// there, and so is no "no such file".
func TestIncompleteListing(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	s := w.Sessions()[0]
	const there, lacking = "2b3b3a9f-d73d-445a-aabe-9b41c1c1a2ac", "05cfc122-15d8-4838-bbf1-7b26a736b2d2"
	body := `{"status":"success","images":[{"id":"` + there + `","context":"face","mimetype":"image/png","size":1},{"id":7,"mimetype":"image/png"}]}`
	for _, kind := range []sandbox.Kind{sandbox.SessionMedia, sandbox.AttemptMedia} {
		w.Set(sandbox.Match{Kind: kind}, sandbox.Body(200, "application/json", []byte(body)))
	}
	for _, dir := range []string{"sessions/" + s.ID.String(), "attempts/" + s.Attempts[0].ID.String()} {
		if got := w.names(dir); !slices.Equal(got, []string{there + ".png"}) {
			t.Errorf("%s has %q", dir, got)
		}
		if _, err := os.Stat(w.path(dir, lacking+".png")); !isErrno(err, syscall.EIO) {
			t.Errorf("%s: what an incomplete list lacks: %v", dir, err)
		}
	}
	if got := w.names("by-context", s.ID.String()); !slices.Equal(got, []string{"face.png"}) {
		t.Errorf("by context: %q", got)
	}
	if _, err := os.Lstat(w.path("by-context", s.ID.String(), "document-front.png")); !isErrno(err, syscall.EIO) {
		t.Errorf("by context, what an incomplete list lacks: %v", err)
	}
}

// TestInodeNumbers: over all trees, a number names one thing, the same media
// has one number wherever it is seen, readdir and stat agree, and so does the
// next mount. In the trees by id the order of names is that of the numbers.
func TestInodeNumbers(t *testing.T) {
	w := newWorld(t, worldConfig{})
	w.mustShell(`find . >/dev/null`)
	eventually(t, "attempts are listed", func() bool { return len(w.names("attempts")) >= len(w.SessionIDs()) })
	w.mustShell(`find . >/dev/null`)
	list := func() string { return w.mustShell(`find . -printf '%i %y %p\n' | sort`) }
	numbers := list()
	owners, shared := make(map[string]string), 0
	for line := range strings.Lines(numbers) {
		fields := strings.Fields(line)
		name := fields[2]
		if fields[1] == "f" && (strings.HasPrefix(name, "./sessions/") || strings.HasPrefix(name, "./attempts/")) {
			name = filepath.Base(name) // the media, wherever it is seen
		}
		if other, ok := owners[fields[0]]; ok && other != name {
			t.Errorf("%s and %s have the inode number %s", other, name, fields[0])
		} else if ok {
			shared++
		}
		owners[fields[0]] = name
	}
	files := 0
	for _, s := range w.Sessions() {
		files += len(s.Attempts[0].Media)
	}
	if shared != files {
		t.Errorf("%d files are seen twice, want the %d of the newest attempts", shared, files)
	}
	// readdir alone (find needs no stat for names and types) and stat.
	for _, dir := range []string{".", "attempts", "by-context", "metadata", "sessions"} {
		byReaddir := w.mustShell(`ls -1Ui "$1" | sort -k2`, dir)
		byStat := w.mustShell(`cd "$1"; stat -c '%i %n' * | sort -k2`, dir)
		if strings.Join(strings.Fields(byReaddir), " ") != strings.Join(strings.Fields(byStat), " ") {
			t.Errorf("%s by readdir:\n%s\nby stat:\n%s", dir, byReaddir, byStat)
		}
		inOrder := w.mustShell(`ls -1Ui "$1" | sort -n`, dir)
		if listed := w.mustShell(`ls -1Ui "$1"`, dir); listed != inOrder {
			t.Errorf("%s is listed in this order:\n%s\nnot in that of the inode numbers", dir, listed)
		}
	}
	w.remount()
	if again := list(); again != numbers {
		t.Errorf("after a remount:\n%s\nwas\n%s", again, numbers)
	}
}

// TestOneSetOfPages: what was read in one tree costs no call in another.
func TestOneSetOfPages(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	path, f, content := w.one()
	a := w.Sessions()[0].Attempts[0]
	for _, again := range []string{path, w.path("attempts", a.ID.String(), fileName(f)), path} {
		if got, err := os.ReadFile(again); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", again, len(got), err)
		}
	}
	if n := w.Requests().ByKind[sandbox.Media]; n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
}

// TestFSTestEverything runs the standard library's checks over all trees, once
// what there is is known.
func TestFSTestEverything(t *testing.T) {
	w := newWorld(t, worldConfig{})
	w.mustShell(`find . >/dev/null; find attempts >/dev/null`)
	eventually(t, "attempts are listed", func() bool { return len(w.names("attempts")) >= len(w.SessionIDs()) })
	w.mustShell(`find . >/dev/null`)
	s := w.Sessions()[0]
	want := []string{"README.txt", "metadata/" + s.ID.String() + "/decision.json", "attempts/" + s.Attempts[0].ID.String()}
	if err := fstest.TestFS(os.DirFS(w.point), want...); err != nil {
		t.Error(err)
	}
}

// TestReadOnlyTrees: nothing can be written in any tree.
func TestReadOnlyTrees(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	s := w.Sessions()[0].ID.String()
	link := w.path("by-context", s, w.names("by-context", s)[0])
	for what, err := range map[string]error{
		"open a document for writing": closing(os.OpenFile(w.path("metadata", s, "media.json"), os.O_WRONLY, 0)),
		"open README.txt for writing": closing(os.OpenFile(w.path("README.txt"), os.O_RDWR, 0)),
		"remove a link":               os.Remove(link),
		"rename a link":               os.Rename(link, link+"x"),
		"make a link":                 os.Symlink("x", w.path("by-context", s, "x.jpg")),
		"make a document":             closing(os.Create(w.path("metadata", s, "new.json"))),
		"make an attempt":             os.Mkdir(w.path("attempts", s), 0o700),
	} {
		if !isErrno(err, syscall.EROFS) {
			t.Errorf("%s: %v, not EROFS", what, err)
		}
	}
}
