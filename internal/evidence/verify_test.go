package evidence_test

import (
	"archive/zip"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
)

// copyBag copies a bag, so that a test can spoil it.
func copyBag(t *testing.T, bag string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "case")
	if err := os.CopyFS(to, os.DirFS(bag)); err != nil {
		t.Fatal(err)
	}
	return to
}

func check(t *testing.T, bag string, o evidence.VerifyOptions) *evidence.Report {
	t.Helper()
	r, err := evidence.Verify(t.Context(), bag, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// has reports whether a report names a problem of a path.
func has(r *evidence.Report, wrong evidence.Wrong, path string) bool {
	return slices.ContainsFunc(r.Problems, func(p evidence.Problem) bool { return p.Wrong == wrong && p.Path == path })
}

// A bag as it was exported is accepted in each form, and the report says what was
// not checked.
func TestVerify(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	h.export(filepath.Join(dir, "case"), exhibit.Selection{AllAttempts: true}, h.ids(3)...)
	h.export(filepath.Join(dir, "case.zip"), exhibit.Selection{}, h.ids(3)...)
	for _, name := range []string{"case", "case.zip"} {
		r := check(t, filepath.Join(dir, name), evidence.VerifyOptions{Signer: h.signer.Public()})
		if !r.Good() || r.Files == 0 || r.Signer == "" {
			t.Errorf("%s: %+v", name, r)
		}
		for _, said := range []string{"HMAC", "time stamp", "access log"} {
			if !strings.Contains(strings.Join(r.NotChecked, "\n"), said) {
				t.Errorf("%s: nothing is said of the %s", name, said)
			}
		}
	}
	_, stranger := newKey(t, 2)
	if r := check(t, filepath.Join(dir, "case"), evidence.VerifyOptions{Signer: stranger.Public()}); !has(r, evidence.Invalid, "tagmanifest-sha512.txt.sig") {
		t.Errorf("by the key of a stranger: %+v", r)
	}
	if _, err := evidence.Verify(t.Context(), dir, evidence.VerifyOptions{}); !errors.Is(err, evidence.ErrNoBag) {
		t.Error(err)
	}
}

// Every single file that is changed or removed is named, whichever it is, and so is
// one that is added anywhere.
func TestEachChangeIsFound(t *testing.T) {
	h := newHouse(t)
	bag := filepath.Join(t.TempDir(), "case")
	h.export(bag, exhibit.Selection{}, h.ids(1)...)
	original := files(t, bag)
	for path, text := range original {
		spoiled := copyBag(t, bag)
		name := filepath.Join(spoiled, path)
		flipped := []byte(text)
		flipped[len(flipped)/2] ^= 4
		if err := os.WriteFile(name, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := check(t, spoiled, evidence.VerifyOptions{}); !changeIsNamed(r, path) {
			t.Errorf("a bit of %s was flipped: %v", path, r.Problems)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		r, err := evidence.Verify(t.Context(), spoiled, evidence.VerifyOptions{})
		if path == "bagit.txt" {
			if !errors.Is(err, evidence.ErrNoBag) {
				t.Error(err)
			}
		} else if err != nil || !has(r, evidence.Absent, path) {
			t.Errorf("%s was removed: %v, %v", path, r, err)
		}
	}
	spoiled := copyBag(t, bag)
	crlf := strings.ReplaceAll(original["tagmanifest-sha256.txt"], "\n", "\r\n")
	if err := os.WriteFile(filepath.Join(spoiled, "tagmanifest-sha256.txt"), []byte(crlf), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := check(t, spoiled, evidence.VerifyOptions{}); !has(r, evidence.Changed, "tagmanifest-sha256.txt") {
		t.Errorf("other line ends: %v", r.Problems)
	}
	for _, path := range []string{"data/extra.txt", "data/" + h.ids(1)[0].String() + "/latest/face-9.jpg", "note.txt", "sub/note.txt",
		"tagmanifest-x/evil.txt", "tagmanifest-/latest/record of a case.txt", "tagmanifest-md5.txt", "tagmanifest-.txt"} {
		spoiled := copyBag(t, bag)
		if err := os.MkdirAll(filepath.Dir(filepath.Join(spoiled, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(spoiled, path), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := check(t, spoiled, evidence.VerifyOptions{}); !has(r, evidence.Added, path) {
			t.Errorf("%s was added: %v", path, r.Problems)
		}
	}
}

// changeIsNamed reports whether a report says that a file was changed. A change of
// a manifest shows in the files that it no longer fits, or in itself.
func changeIsNamed(r *evidence.Report, path string) bool {
	if !strings.Contains(path, "manifest-") {
		return has(r, evidence.Changed, path)
	}
	return len(r.Problems) > 0
}

// Somebody who makes the manifests anew can't sign them.
func TestManifestsMadeAnew(t *testing.T) {
	h := newHouse(t)
	bag := filepath.Join(t.TempDir(), "case")
	h.export(bag, exhibit.Selection{}, h.ids(1)...)
	face := "data/" + h.ids(1)[0].String() + "/latest/face.png"
	if err := os.WriteFile(filepath.Join(bag, face), picture(t, 9, 9, 9), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"sha256", "sha512"} {
		for _, script := range []string{
			"find data -type f | sort | xargs " + a + "sum > manifest-" + a + ".txt",
			"cut -d' ' -f3- tagmanifest-" + a + ".txt | xargs " + a + "sum > new; mv new tagmanifest-" + a + ".txt",
		} {
			if out, err := run(t, bag, "", "sh", "-e", "-c", script); err != nil {
				t.Fatal(out, err)
			}
		}
	}
	// tagmanifest-sha256 was made before manifest-sha512 changed: once more.
	if out, err := run(t, bag, "", "sh", "-e", "-c", "cut -d' ' -f3- tagmanifest-sha256.txt | xargs sha256sum > new; mv new tagmanifest-sha256.txt"); err != nil {
		t.Fatal(out, err)
	}
	r := check(t, bag, evidence.VerifyOptions{})
	if !has(r, evidence.Invalid, "tagmanifest-sha512.txt.sig") || !has(r, evidence.Changed, face) || len(r.Problems) > 3 {
		t.Errorf("%v", r.Problems)
	}
}

// Somebody else's signature on a bag is not that of its exporter.
func TestSignedByAnother(t *testing.T) {
	h := newHouse(t)
	bag := filepath.Join(t.TempDir(), "case")
	h.export(bag, exhibit.Selection{}, h.ids(1)...)
	_, stranger := newKey(t, 2)
	signature, err := stranger.SignSSH(strings.NewReader(files(t, bag)["tagmanifest-sha512.txt"]), evidence.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bag, "tagmanifest-sha512.txt.sig"), signature, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := check(t, bag, evidence.VerifyOptions{}); !has(r, evidence.Invalid, "tagmanifest-sha512.txt.sig") {
		t.Errorf("%+v", r)
	}
}

// An encrypted bag opens with its identity alone.
func TestEncrypted(t *testing.T) {
	h := newHouse(t)
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), "case.zip.age")
	o := h.options()
	o.Recipients = []age.Recipient{mine.Recipient()}
	if _, err := evidence.Export(t.Context(), h.source, h.plan(exhibit.Selection{}, h.ids(1)...), dest, o); err != nil {
		t.Fatal(err)
	}
	if r := check(t, dest, evidence.VerifyOptions{Identities: []age.Identity{mine}}); !r.Good() {
		t.Errorf("%+v", r)
	}
	for _, ids := range [][]age.Identity{nil, {other}} {
		if _, err := evidence.Verify(t.Context(), dest, evidence.VerifyOptions{Identities: ids}); !errors.Is(err, evidence.ErrIdentity) {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(dest)
	if err != nil || strings.Contains(string(text), h.ids(1)[0].String()) {
		t.Error("the encrypted export shows an id", err)
	}
	// One damaged byte anywhere makes it unreadable, and is an error, not a bag.
	text[len(text)-40] ^= 1
	if err := os.WriteFile(dest, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := evidence.Verify(t.Context(), dest, evidence.VerifyOptions{Identities: []age.Identity{mine}}); err == nil && r.Good() {
		t.Error("a damaged archive is accepted")
	}
}

// hostile are archives whose entries are not what a bag has.
var hostile = map[string]func(*zip.Writer) (path string, wrong evidence.Wrong){
	"out of the bag": func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "case/../../etc/passwd", 0o600) },
	"absolute":       func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "/etc/passwd", 0o600) },
	"beside it":      func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "other/note.txt", 0o600) },
	"a link":         func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "case/data/link", os.ModeSymlink|0o777) },
	"a device":       func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "case/data/null", os.ModeDevice|0o600) },
	"twice":          func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "case/bagit.txt", 0o600) },
	"one on a Mac":   func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "case/BagIt.txt", 0o600) },
	"of a directory": func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "case/DATA/x", 0o600) },
	"backslashes":    func(w *zip.Writer) (string, evidence.Wrong) { return put(w, `case/data\..\x`, 0o600) },
	"a drive":        func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "case/c:x", 0o600) },
	"control codes":  func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "case/data/\x1b[2Jx", 0o600) },
	"not UTF-8":      func(w *zip.Writer) (string, evidence.Wrong) { return put(w, "case/data/\xff", 0o600) },
}

func put(w *zip.Writer, name string, mode os.FileMode) (string, evidence.Wrong) {
	h := &zip.FileHeader{Name: name}
	h.SetMode(mode)
	f, err := w.CreateHeader(h)
	if err == nil {
		_, err = f.Write([]byte("x"))
	}
	if err != nil {
		panic(err)
	}
	return strings.TrimPrefix(name, "case/"), evidence.Refused
}

func TestHostileArchives(t *testing.T) {
	h := newHouse(t)
	bag := filepath.Join(t.TempDir(), "case")
	h.export(bag, exhibit.Selection{}, h.ids(1)...)
	for name, spoil := range hostile {
		file := filepath.Join(t.TempDir(), "case.zip")
		writeZip(t, file, files(t, bag), func(w *zip.Writer) { spoil(w) })
		r := check(t, file, evidence.VerifyOptions{})
		if r.Good() || !slices.ContainsFunc(r.Problems, func(p evidence.Problem) bool { return p.Wrong == evidence.Refused }) {
			t.Errorf("%s: %v", name, r.Problems)
		}
		for _, p := range r.Problems {
			if strings.ContainsAny(p.String(), "\x1b") {
				t.Errorf("%s: control codes reach the terminal", name)
			}
		}
	}
	bomb := filepath.Join(t.TempDir(), "bomb.zip")
	writeZip(t, bomb, files(t, bag), func(w *zip.Writer) {
		f, err := w.Create("case/data/zeros")
		if err != nil {
			t.Fatal(err)
		}
		for range 96 {
			if _, err := f.Write(make([]byte, 1<<17)); err != nil {
				t.Fatal(err)
			}
		}
	})
	if _, err := evidence.Verify(t.Context(), bomb, evidence.VerifyOptions{}); err == nil || !strings.Contains(err.Error(), "unpack") {
		t.Error("a bomb:", err)
	}
}

func writeZip(t *testing.T, name string, all map[string]string, more func(*zip.Writer)) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		e, err := w.Create("case/" + path)
		if err == nil {
			_, err = e.Write([]byte(all[path]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	more(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// Links and pipes in a folder are neither followed nor waited for.
func TestHostileFolders(t *testing.T) {
	h := newHouse(t)
	bag := filepath.Join(t.TempDir(), "case")
	h.export(bag, exhibit.Selection{}, h.ids(1)...)
	face := "data/" + h.ids(1)[0].String() + "/latest/face.png"
	outside := filepath.Join(t.TempDir(), "face.png")
	if err := os.Rename(filepath.Join(bag, face), outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(bag, face)); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, bag, "", "mkfifo", "data/pipe"); err != nil {
		t.Fatal(out, err)
	}
	r := check(t, bag, evidence.VerifyOptions{})
	if !has(r, evidence.Refused, face) || !has(r, evidence.Refused, "data/pipe") {
		t.Errorf("%v", r.Problems)
	}
}

// A manifest can't make a file be read that is not in the bag.
func TestHostileManifests(t *testing.T) {
	h := newHouse(t)
	bag := filepath.Join(t.TempDir(), "case")
	h.export(bag, exhibit.Selection{}, h.ids(1)...)
	sum := strings.Repeat("0", 128)
	for _, line := range []string{"../../etc/passwd", "/etc/passwd", "data/%0A", "README-evidence.txt", "data/x\n" + sum + "  data/x"} {
		spoiled := copyBag(t, bag)
		f, err := os.OpenFile(filepath.Join(spoiled, "manifest-sha512.txt"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(sum + "  " + line + "\n"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if r := check(t, spoiled, evidence.VerifyOptions{}); !slices.ContainsFunc(r.Problems, func(p evidence.Problem) bool {
			return p.Wrong == evidence.Invalid && (p.Path == "manifest-sha512.txt" || p.Path == line)
		}) {
			t.Errorf("%q: %v", line, r.Problems)
		}
	}
}
