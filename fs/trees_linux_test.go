package fs_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"veriffs/cache"
	"veriffs/veriff/sandbox"
)

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
