package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// open opens a directory that is closed at the end of the test.
func open(t *testing.T, path string) *Directory {
	t.Helper()
	d, err := Open(path, false)
	must(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

const object = "0123456789abcdef/01/0123456789abcdef0123456789abcdef"

// good makes a directory with an object in it.
func good(t *testing.T, path string) {
	t.Helper()
	d := open(t, path)
	must(t, d.MkdirAll(filepath.Dir(object), 0o700))
	must(t, d.WriteFile(object, nil, 0o600))
	must(t, d.Close())
}

// TestCloseUnlocks: the lock is gone when Close returns, even if a child that was
// forked a moment ago still has all files open.
func TestCloseUnlocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache")
	d := open(t, path)
	child, err := unix.Dup(int(d.lock.Fd()))
	must(t, err)
	defer unix.Close(child)
	must(t, d.Close())
	open(t, path)
}

// TestStrictStart opens directories that must be refused, with the reason and a
// hint, and left as they are.
func TestStrictStart(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, dir string)
		want    error
		root    bool
	}{
		"group can read": {want: ErrPermissions, prepare: func(t *testing.T, dir string) {
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.Chmod(dir, 0o750))
		}},
		"others can enter": {want: ErrPermissions, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.Chmod(dir, 0o701))
		}},
		"another owner": {want: ErrOwner, root: true, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.Chown(dir, 65534, 65534))
		}},
		"another owner inside": {want: ErrOwner, root: true, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.Chown(filepath.Join(dir, TempDir), 65534, 65534))
		}},
		"symbolic link": {want: ErrSymlink, prepare: func(t *testing.T, dir string) {
			good(t, dir+"-real")
			must(t, os.Symlink(dir+"-real", dir))
		}},
		"file": {want: ErrSymlink, prepare: func(t *testing.T, dir string) { must(t, os.WriteFile(dir, nil, 0o600)) }},
		"symbolic link for temporaries": {want: ErrSymlink, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.Remove(filepath.Join(dir, TempDir)))
			must(t, os.Symlink(t.TempDir(), filepath.Join(dir, TempDir)))
		}},
		"symbolic link for the lock": {want: ErrSymlink, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.Remove(filepath.Join(dir, lockFile)))
			must(t, os.Symlink("/etc/passwd", filepath.Join(dir, lockFile)))
		}},
		"symbolic link for objects": {want: ErrSymlink, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			shard := filepath.Join(dir, filepath.Dir(object))
			must(t, os.Rename(shard, dir+"-moved"))
			must(t, os.Symlink(dir+"-moved", shard))
		}},
		"symbolic link for holds": {want: ErrSymlink, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.Symlink(t.TempDir(), filepath.Join(dir, "0123456789abcdef", HoldDir)))
		}},
		"another owner of holds": {want: ErrOwner, root: true, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.Mkdir(filepath.Join(dir, "0123456789abcdef", HoldDir), 0o700))
			must(t, os.Chown(filepath.Join(dir, "0123456789abcdef", HoldDir), 65534, 65534))
		}},
		"newer format": {want: ErrNewer, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.WriteFile(filepath.Join(dir, formatFile), []byte("veriffs cache 3\n"), 0o600))
		}},
		"someone's documents": {want: ErrForeign, prepare: func(t *testing.T, dir string) {
			must(t, os.MkdirAll(filepath.Join(dir, TempDir), 0o700))
			must(t, os.WriteFile(filepath.Join(dir, TempDir, "letter"), []byte("dear"), 0o600))
		}},
		"another program's format": {want: ErrForeign, prepare: func(t *testing.T, dir string) {
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.WriteFile(filepath.Join(dir, formatFile), []byte("veriffs cache one\n"), 0o600))
		}},
		"locked": {want: ErrLocked, prepare: func(t *testing.T, dir string) {
			open(t, dir)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.root {
				asRoot(t)
			}
			dir := filepath.Join(t.TempDir(), "cache")
			tt.prepare(t, dir)
			before := tree(t, filepath.Dir(dir))
			d, err := Open(dir, false)
			if err == nil {
				d.Close()
			}
			var oe *OpenError
			if !errors.Is(err, tt.want) || !errors.As(err, &oe) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if oe.Hint == "" || !strings.Contains(err.Error(), oe.Dir) {
				t.Errorf("error %q, hint %q", err, oe.Hint)
			}
			if strings.HasPrefix(oe.Hint, "delete") {
				t.Errorf("hint %q: what is held would be lost", oe.Hint)
			}
			if tt.want == ErrLocked && (oe.PID != os.Getpid() || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid()))) {
				t.Errorf("pid %d: %v", oe.PID, err)
			}
			if after := tree(t, filepath.Dir(dir)); after != before {
				t.Errorf("changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

// tree lists what is below a directory.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, path, info.Mode(), info.ModTime())
		return nil
	}))
	return b.String()
}

// asRoot skips a test that needs root, except in CI.
func asRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("this test must run in CI, as root")
	}
	t.Skip("needs root to change owners")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNewDirectory checks what a fresh cache looks like to others.
func TestNewDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	open(t, dir)
	tag, err := os.ReadFile(filepath.Join(dir, "CACHEDIR.TAG"))
	if err != nil || !strings.HasPrefix(string(tag), "Signature: 8a477f597d28d172789f06886806bc55") {
		t.Errorf("%q, %v", tag, err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".metadata_never_index")); err != nil {
		t.Error(err)
	}
	must(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v", path, info.Mode())
		}
		return err
	}))
}

// TestInterruptedFirstStart opens what a crash during the very first start leaves.
func TestInterruptedFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, lockFile), []byte("1\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, formatFile), nil, 0o600))
	must(t, open(t, dir).Close())
	if b, err := os.ReadFile(filepath.Join(dir, formatFile)); err != nil || string(b) != formatLine {
		t.Errorf("%q, %v", b, err)
	}
	must(t, open(t, dir).Close())
}

// TestClosed checks that a closed directory can be told from a disk that fails.
func TestClosed(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "cache"))
	must(t, d.Close())
	_, opened := d.OpenFile("format", os.O_RDONLY, 0)
	_, _, created := d.CreateTemp()
	_, names := d.Names(".")
	for _, err := range []error{opened, created, names, d.Sync("."), d.Lay(), d.Remove("format"), d.Rename("format", "x")} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%v", err)
		}
	}
}

// A file that is closed is not read by the number of its descriptor, which may be another
// file's by then, and is closed once.
func TestClosedFile(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "cache"))
	must(t, d.WriteFile("x", []byte("x"), 0o600))
	f, err := d.OpenRead("x", 0)
	must(t, err)
	must(t, f.Close())
	if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a read says %v", err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the second Close says %v", err)
	}
}
