package folder_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"veriffs/internal/bucket"
	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/bucket/folder"
)

func open(t *testing.T, dir string) *folder.Folder {
	t.Helper()
	f, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestConformance(t *testing.T) { buckettest.Conform(t, open(t, t.TempDir())) }

// TestMissing tells what is wrong apart.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	if _, err := folder.Open(filepath.Join(dir, "none")); !errors.Is(err, bucket.ErrNoBucket) {
		t.Error("a directory that is missing:", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Open(file); !errors.Is(err, bucket.ErrNoBucket) {
		t.Error("a file:", err)
	}
	gone := filepath.Join(dir, "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	f := open(t, gone)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(t.Context()); !errors.Is(err, bucket.ErrNoBucket) {
		t.Error("a directory that was removed:", err)
	}
}

// TestOpenness: what is written is as open to others as the directory is.
func TestOpenness(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	dir := t.TempDir()
	for _, mode := range []os.FileMode{0o770, 0o700} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		name := mode.String() + "/aa/1"
		if err := open(t, dir).Put(t.Context(), name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]os.FileMode{name: mode & 0o666, filepath.Dir(name): mode, filepath.Dir(filepath.Dir(name)): mode} {
			info, err := os.Stat(filepath.Join(dir, path))
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
			}
		}
	}
}

// TestGroup: what is written in a directory that hands its group on is of that group,
// at every depth, so that all members can read and add.
func TestGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give the directory another group")
	}
	const group = 4711
	dir := t.TempDir()
	if err := errors.Join(os.Chown(dir, -1, group), os.Chmod(dir, os.ModeSetgid|0o770)); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Put(t.Context(), "dd/aa/1", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tmp", "dd", "dd/aa", "dd/aa/1"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if gid := info.Sys().(*syscall.Stat_t).Gid; gid != group || info.IsDir() && info.Mode()&os.ModeSetgid == 0 {
			t.Errorf("%s: group %d, %v", name, gid, info.Mode())
		}
	}
}

// TestEscape: no name leads out of the directory, and nothing but regular files is an
// object.
func TestEscape(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "outside"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(string) error{
		"link": func(p string) error { return os.Symlink("../outside", p) },
		"pipe": func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"dir":  func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		if err := make(filepath.Join(inside, name)); err != nil {
			t.Fatal(err)
		}
	}
	f := open(t, inside)
	for _, name := range []string{"../outside", "link", "pipe", "dir"} {
		if body, _, err := f.Get(t.Context(), name); err == nil {
			body.Close()
			t.Errorf("%s is an object", name)
		}
	}
	for o, err := range f.List(t.Context(), "") {
		t.Errorf("listed: %+v, %v", o, err)
	}
}

// TestTemps: what a writer left that was killed is none of the objects, and goes when
// it is old. What others keep there, because the directory is a wrong one, stays.
func TestTemps(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if err := f.Put(t.Context(), "aa/1", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	const fresh, old = "ABCDEFGHIJKLMNOPQRSTUVWXY2", "ABCDEFGHIJKLMNOPQRSTUVWXY3"
	foreign := []string{"report.pdf", strings.ToLower(old), old + ".pdf", "ABCDEFGHIJKLMNOPQRSTUVWXY4"}
	list := func() error {
		for o, err := range f.List(t.Context(), "") {
			if o.Name != "aa/1" || err != nil {
				t.Errorf("listed: %+v, %v", o, err)
			}
		}
		return nil
	}
	for what, use := range map[string]func() error{"a list": list, "a check": func() error { return f.Check(t.Context()) }} {
		tmp := filepath.Join(dir, "tmp")
		if err := os.RemoveAll(tmp); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(tmp, foreign[3]), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range append([]string{fresh, old}, foreign[:3]...) {
			if err := os.WriteFile(filepath.Join(tmp, name), []byte("cut"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range append([]string{old}, foreign...) {
			if at := time.Now().Add(-2 * time.Hour); os.Chtimes(filepath.Join(tmp, name), at, at) != nil {
				t.Fatal(name)
			}
		}
		if err := use(); err != nil {
			t.Fatal(err)
		}
		left, err := os.ReadDir(tmp)
		if err != nil || len(left) != 1+len(foreign) || slices.ContainsFunc(left, func(e os.DirEntry) bool { return e.Name() == old }) {
			t.Errorf("after %s are left: %v, %v", what, left, err)
		}
	}
}
