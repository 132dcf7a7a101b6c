package fs_test

import (
	"bytes"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/cache"
	"veriffs/veriff/sandbox"
)

// TestTampering damages a file's object on the disk below a live mount. The
// next read that needs the disk returns the right bytes all the same, for one
// request, and one line of the log says what happened.
func TestTampering(t *testing.T) {
	flip := func(off int64) func(f *os.File) error {
		return func(f *os.File) error {
			var b [1]byte
			if _, err := f.ReadAt(b[:], off); err != nil {
				return err
			}
			b[0] ^= 1
			_, err := f.WriteAt(b[:], off)
			return err
		}
	}
	for name, damage := range map[string]struct {
		do   func(f *os.File) error
		open bool // a reader has the file open
	}{
		"contents":                 {flip(5000), false},
		"contents of an open file": {flip(5000), true},
		"header":                   {flip(100), false},
		"cut":                      {func(f *os.File) error { return f.Truncate(70_000) }, false},
		"cut while it is open":     {func(f *os.File) error { return f.Truncate(70_000) }, true},
		"zeros after a power cut":  {zero, false},
		"emptied":                  {func(f *os.File) error { return f.Truncate(0) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: small, noReadAhead: true})
			path, _, content := w.one()
			check := func(when string, requests int) {
				t.Helper()
				if n := w.requests(func() {
					if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
						t.Errorf("%s: %d bytes, %v", when, len(got), err)
					}
				}); requests >= 0 && n != requests {
					t.Errorf("%s: %d requests, want %d", when, n, requests)
				}
			}
			check("at first", -1)
			open, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close()
			dropPages(t, open)
			if !damage.open {
				open.Close()
				eventually(t, "the mount has closed the object", func() bool { return w.cache.Stats().Open == 0 })
			}

			f, err := os.OpenFile(w.objectOf(len(content)), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := damage.do(f); err != nil {
				t.Fatal(err)
			}

			if damage.open {
				got := make([]byte, len(content))
				if n := w.requests(func() {
					if _, err := open.ReadAt(got, 0); err != nil || !bytes.Equal(got, content) {
						t.Errorf("the open file: %v", err)
					}
				}); n != 1 {
					t.Errorf("the open file: %d requests, want 1", n)
				}
			} else {
				check("damaged", 1)
			}
			if lines := w.logged.lines(); len(lines) != 1 || !strings.Contains(lines[0], "damaged object deleted") {
				t.Errorf("the log should say it once:\n%s", strings.Join(lines, ""))
			}
			dropPages(t, open)
			check("afterwards", 0)
			open.Close() // or the mount would serve it on
			w.remount()
			check("remounted", 0)
		})
	}
}

func zero(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, info.Size()), 0)
	return err
}

// dropPages makes the kernel forget what it holds of a file that is, or was,
// open.
func dropPages(t *testing.T, f *os.File) {
	t.Helper()
	again, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := unix.Fadvise(int(again.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

// objectOf returns the file of the only object in the cache that is as large
// as this.
func (w *world) objectOf(size int) string {
	w.t.Helper()
	var objects []string
	err := filepath.WalkDir(w.dir, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() >= int64(size) {
			objects = append(objects, path)
		}
		return err
	})
	if err != nil || len(objects) != 1 {
		w.t.Fatalf("%d objects of that size, %v", len(objects), err)
	}
	return objects[0]
}

// TestFullDisk has a small file system below the cache fill up while files are
// read. All of them are right; and when there is space again, the cache
// takes what is read.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test must run in CI, as root")
		}
		t.Skip("needs root to mount a file system")
	}
	const size = 12 << 20 // the files together are half of it
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount the disk: %v", err)
		}
	})
	w := newWorld(t, worldConfig{
		sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 2, Files: 8, FileSize: 400_000}},
		cache:   func(o *cache.Options) { o.Dir, o.Limit = filepath.Join(disk, "cache"), 1<<30 },
	})
	files := w.files()
	var paths []string
	for path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	read := func(path string) {
		t.Helper()
		if got, err := os.ReadFile(w.path(path)); err != nil || !bytes.Equal(got, files[path]) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}

	hog := filepath.Join(disk, "hog")
	if err := os.WriteFile(hog, make([]byte, size/2), 0o600); err != nil {
		t.Fatal(err)
	}
	read(paths[0])
	pass := func() {
		var readers sync.WaitGroup
		for r := range 4 {
			readers.Go(func() {
				for j := r; j < len(paths); j += 4 {
					fill(hog) // also takes what the cache has freed
					read(paths[j])
				}
			})
		}
		readers.Wait()
	}
	for i := 0; i < 10 && !w.cache.Stats().Bypassed; i++ {
		pass()
	}
	pass()
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	// The longer the disk was full, the later the cache asks it again: within a minute.
	for late := time.Now().Add(90 * time.Second); w.cache.Stats().Bypassed; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("the disk is still bypassed")
		}
	}
	eventually(t, "each change of the disk's state is one line of the log", func() bool {
		bypassed := len(w.logged.lines("disk bypassed"))
		return bypassed > 0 && bypassed == len(w.logged.lines()) && bypassed == strings.Count(w.logged.String(), "disk in use again")
	})
	for _, path := range paths {
		read(path)
	}
	if n := w.requests(func() {
		for _, path := range paths {
			read(path)
		}
	}); n != 0 {
		t.Errorf("the second pass after the disk had space again cost %d requests", n)
	}
}

// fill appends to a file until its file system is full.
func fill(name string) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	for block := make([]byte, 256<<10); len(block) >= 4096; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}
