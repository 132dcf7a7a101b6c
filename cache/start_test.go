package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStrictStart has directories that must be refused, each with its reason
// and, where there is something to do about it, a hint; and left as they are.
func TestStrictStart(t *testing.T) {
	good := func(t *testing.T, dir string) {
		o := testOptions(t)
		o.Dir = dir
		c := open(t, o)
		put(t, c, "k", content(1, 100))
		must(t, c.Close())
	}
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
			must(t, os.Chown(filepath.Join(dir, tempDir), 65534, 65534))
		}},
		"symbolic link": {want: ErrSymlink, prepare: func(t *testing.T, dir string) {
			good(t, dir+"-real")
			must(t, os.Symlink(dir+"-real", dir))
		}},
		"file": {want: ErrSymlink, prepare: func(t *testing.T, dir string) { must(t, os.WriteFile(dir, nil, 0o600)) }},
		"symbolic link for temporaries": {want: ErrSymlink, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.Remove(filepath.Join(dir, tempDir)))
			must(t, os.Symlink(t.TempDir(), filepath.Join(dir, tempDir)))
		}},
		"symbolic link for the lock": {want: ErrSymlink, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.Remove(filepath.Join(dir, lockFile)))
			must(t, os.Symlink("/etc/passwd", filepath.Join(dir, lockFile)))
		}},
		"symbolic link for objects": {want: ErrSymlink, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			shard := filepath.Dir(files(t, dir)[0])
			must(t, os.Rename(shard, dir+"-moved"))
			must(t, os.Symlink(dir+"-moved", shard))
		}},
		"newer format": {want: ErrNewer, prepare: func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.WriteFile(filepath.Join(dir, formatFile), []byte("veriffs cache 2\n"), 0o600))
		}},
		"someone's documents": {want: ErrForeign, prepare: func(t *testing.T, dir string) {
			must(t, os.MkdirAll(filepath.Join(dir, tempDir), 0o700))
			must(t, os.WriteFile(filepath.Join(dir, tempDir, "letter"), []byte("dear"), 0o600))
		}},
		"another program's format": {want: ErrForeign, prepare: func(t *testing.T, dir string) {
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.WriteFile(filepath.Join(dir, formatFile), []byte("veriffs cache one\n"), 0o600))
		}},
		"locked": {want: ErrLocked, prepare: func(t *testing.T, dir string) {
			o := testOptions(t)
			o.Dir = dir
			open(t, o)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.root {
				asRoot(t)
			}
			o := testOptions(t)
			tt.prepare(t, o.Dir)
			before := tree(t, filepath.Dir(o.Dir))
			c, err := Open(o)
			if err == nil {
				c.Close()
			}
			var oe *OpenError
			if !errors.Is(err, tt.want) || !errors.As(err, &oe) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if oe.Hint == "" || !strings.Contains(err.Error(), oe.Dir) {
				t.Errorf("error %q, hint %q", err, oe.Hint)
			}
			if tt.want == ErrLocked && (oe.PID != os.Getpid() || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid()))) {
				t.Errorf("pid %d: %v", oe.PID, err)
			}
			if after := tree(t, filepath.Dir(o.Dir)); after != before {
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNewDirectory checks what a fresh cache looks like to others.
func TestNewDirectory(t *testing.T) {
	o := testOptions(t)
	o.Dir = filepath.Join(o.Dir, "a", "b")
	c := open(t, o)
	put(t, c, "k", nil)
	tag, err := os.ReadFile(filepath.Join(o.Dir, "CACHEDIR.TAG"))
	if err != nil || !strings.HasPrefix(string(tag), "Signature: 8a477f597d28d172789f06886806bc55") {
		t.Errorf("%q, %v", tag, err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, ".metadata_never_index")); err != nil {
		t.Error(err)
	}
	must(t, filepath.Walk(o.Dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v", path, info.Mode())
		}
		return err
	}))
}

// TestFullDiskAtStart makes a new cache on a disk that has no room left, for files
// or for anything: the hint says so. A cache that is there opens.
func TestFullDiskAtStart(t *testing.T) {
	for _, inodes := range []string{"nr_inodes=3", "nr_inodes=2", "nr_inodes=1", "nr_inodes=100"} {
		disk := filepath.Join(t.TempDir(), "fs")
		mountTmpfs(t, disk, "size=1m,mode=0700,"+inodes)
		o := testOptions(t)
		o.Dir = filepath.Join(disk, "made-before")
		full := inodes == "nr_inodes=100" // of bytes, and not of files
		if full {
			must(t, open(t, o).Close())
			fillDisk(t, disk)
			c := open(t, o)
			serve(t, c, "k", content(1, 100<<10))
		}
		o.Dir = filepath.Join(disk, "new", "cache")
		c, err := Open(o)
		if err == nil {
			c.Close()
		}
		var refused *OpenError
		if !errors.As(err, &refused) || !outOfSpace(err) || !strings.Contains(refused.Hint, "free some space") {
			t.Errorf("%s: %v", inodes, err)
		}
	}
}

// TestInterruptedFirstStart opens what a crash during the very first start leaves.
func TestInterruptedFirstStart(t *testing.T) {
	o := testOptions(t)
	must(t, os.Mkdir(o.Dir, 0o700))
	must(t, os.WriteFile(filepath.Join(o.Dir, lockFile), []byte("1\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(o.Dir, formatFile), nil, 0o600))
	c := open(t, o)
	put(t, c, "k", content(1, 10))
	must(t, c.Close())
	wantHit(t, open(t, o), "k", content(1, 10))
}

// TestOptions has options that can't be meant.
func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no limit":       func(o *Options) { o.Limit = 0 },
		"negative limit": func(o *Options) { o.Limit = -1 },
		"all free":       func(o *Options) { o.MinFree = 1 },
		"no secret":      func(o *Options) { o.Secrets = nil },
		"empty secret":   func(o *Options) { o.Secrets = [][]byte{{}} },
	} {
		o := testOptions(t)
		change(&o)
		if c, err := Open(o); err == nil {
			c.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestLimits has keys and labels of every length around what is allowed.
func TestLimits(t *testing.T) {
	c := open(t, testOptions(t))
	for _, k := range []Key{"", Key(strings.Repeat("k", MaxKey+1))} {
		if _, err := c.Create(k, 0); err == nil {
			t.Errorf("a key of %d bytes was accepted", len(k))
		}
		if _, ok := c.Get(k); ok {
			t.Error("hit")
		}
	}
	key := Key(strings.Repeat("k", MaxKey))
	for _, n := range []int{MaxLabel, MaxLabel + 1} {
		w, err := c.Create(key, 0)
		must(t, err)
		label := strings.Repeat("l", n)
		o, err := w.Commit([]byte(label))
		if (err == nil) != (n <= MaxLabel) {
			t.Fatalf("label of %d bytes: %v", n, err)
		}
		if err == nil {
			o.Close()
			o, ok := c.Get(key)
			if !ok || string(o.Label()) != label {
				t.Error("the longest label is not kept")
			}
			o.Close()
		}
	}
	checkCounts(t, c)
}
