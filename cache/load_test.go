package cache

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
)

// TestHitBeforeLoad opens, pins and removes objects before the index is loaded,
// and then loads it.
func TestHitBeforeLoad(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	for i := range 10 {
		put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 1000))
	}
	must(t, c.Close())
	c = openUnloaded(t, o)
	wantHit(t, c, "1", content(1, 1000))
	held, ok := c.Get("2")
	if !ok {
		t.Fatal("miss")
	}
	must(t, c.Remove("3"))
	must(t, c.Remove("1"))
	must(t, c.Pin("4"))
	wantHit(t, c, "4", content(4, 1000))
	must(t, c.Pin("5"))
	wantMiss(t, c, "none")
	if s := c.Stats(); !s.Loading || s.Objects != 2 {
		t.Errorf("%+v", s)
	}
	must(t, c.store.Load().load(c.ctx, c.now()))
	if s := c.Stats(); s.Loading || s.Objects != 8 || s.Pinned != 2 {
		t.Errorf("%+v", s)
	}
	checkCounts(t, c)
	must(t, held.Close())
	checkCounts(t, c)
	for i := range 10 {
		if i == 1 || i == 3 {
			wantMiss(t, c, Key(fmt.Sprint(i)))
		} else {
			wantHit(t, c, Key(fmt.Sprint(i)), content(uint64(i), 1000))
		}
	}
}

// openUnloaded opens a cache and has it know nothing again: load is up to the test.
func openUnloaded(t *testing.T, o Options) *Cache {
	t.Helper()
	c := open(t, o)
	waitLoaded(t, c)
	st, err := newStore(c, c.store.Load().dir)
	must(t, err)
	c.store.Store(st)
	return c
}

// TestWriteBeforeLoad writes while the index takes long to load. The object
// stays off the disk: the bound can't be kept before the index is complete.
func TestWriteBeforeLoad(t *testing.T) {
	o := testOptions(t)
	synctest.Test(t, func(t *testing.T) {
		c := openUnloaded(t, o)
		w, err := c.Create("k", 1000)
		must(t, err)
		_, err = w.Write(content(1, 1000))
		must(t, err)
		obj, err := w.Commit([]byte("label of k"))
		must(t, err)
		b, err := io.ReadAll(io.NewSectionReader(obj, 0, obj.Size()))
		if err != nil || string(b) != string(content(1, 1000)) || obj.held != nil {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		obj.Close()
		must(t, c.store.Load().load(c.ctx, c.now()))
		put(t, c, "k", content(1, 1000))
		wantHit(t, c, "k", content(1, 1000))
		must(t, c.Close())
	})
}

// TestStrayFiles checks that files which are no objects are removed from the
// directories of objects, and that no link is followed.
func TestStrayFiles(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	put(t, c, "k", content(1, 1000))
	file := files(t, o.Dir)[0]
	must(t, c.Close())
	dir, base := filepath.Split(file)
	outside := filepath.Join(t.TempDir(), "precious")
	must(t, os.WriteFile(outside, []byte("precious"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, ".DS_Store"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, base+"0"), nil, 0o600))
	must(t, os.Symlink(outside, filepath.Join(dir, base[:31]+"g")))
	must(t, os.Symlink(outside, filepath.Join(dir, flip(base))))
	must(t, os.Mkdir(filepath.Join(dir, "directory"), 0o700))
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	must(t, os.WriteFile(filepath.Join(o.Dir, directory.TempDir, "w1"), make([]byte, 100), 0o600))
	c = open(t, o)
	checkCounts(t, c)
	wantHit(t, c, "k", content(1, 1000))
	if got := files(t, o.Dir); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
	if got, _ := os.ReadDir(filepath.Join(o.Dir, directory.TempDir)); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if b, _ := os.ReadFile(outside); string(b) != "precious" {
		t.Error("a symbolic link was followed")
	}
}

// flip changes the last digit of a name.
func flip(s string) string {
	last := byte('0')
	if s[len(s)-1] == last {
		last = '1'
	}
	return s[:len(s)-1] + string(last)
}

// TestNoRegularFile puts something else in an object's place: it is a miss and is
// removed, and the disk is not suspected.
func TestNoRegularFile(t *testing.T) {
	for name, plant := range map[string]func(file string) error{
		"pipe":      func(file string) error { return syscall.Mkfifo(file, 0o600) },
		"directory": func(file string) error { return os.Mkdir(file, 0o700) },
		"link":      func(file string) error { return os.Symlink("/etc/passwd", file) },
		"loop":      func(file string) error { return os.Symlink(filepath.Base(file), file) },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t)
			c := open(t, o)
			put(t, c, "k", content(1, 1000))
			file := files(t, o.Dir)[0]
			must(t, os.Remove(file))
			must(t, plant(file))
			wantMiss(t, c, "k")
			if got := files(t, o.Dir); len(got) != 0 {
				t.Errorf("left: %v", got)
			}
			if s := c.Stats(); s.Bypassed || s.Damaged != 1 {
				t.Errorf("%+v", s)
			}
			put(t, c, "k", content(1, 1000))
			wantHit(t, c, "k", content(1, 1000))
		})
	}
}

// TestPowerLoss loses what was never synced: files are empty, cut, or full of
// zeros from some block on. Each of them is a miss or ErrDamaged; the others, and
// all counts, are right.
func TestPowerLoss(t *testing.T) {
	for _, block := range []int{0, 1, 2, 16, 17, 33} {
		for _, zeros := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d blocks, zeros %v", block, zeros), func(t *testing.T) {
				o := testOptions(t)
				c := open(t, o)
				const size = 2*seal.ChunkSize + 5000
				for i := range 6 {
					put(t, c, Key(fmt.Sprint(i)), content(uint64(i), size))
				}
				crash(c)
				hurt := 0
				for i, file := range files(t, o.Dir) {
					if i%2 == 1 {
						continue
					}
					hurt++
					b, err := os.ReadFile(file)
					must(t, err)
					must(t, os.Truncate(file, int64(block*4096)))
					if zeros {
						must(t, os.Truncate(file, int64(len(b))))
					}
				}
				c = open(t, o)
				checkCounts(t, c)
				hits := 0
				for i := range 6 {
					k := Key(fmt.Sprint(i))
					obj, ok := c.Get(k)
					if !ok {
						continue
					}
					if obj.Verify() == nil {
						hits++
						wantHit(t, c, k, content(uint64(i), size))
					} else {
						wantMiss(t, c, k)
					}
					obj.Close()
				}
				if s := c.Stats(); hits != 6-hurt || s.Damaged != int64(hurt) || s.Objects != int64(hits) {
					t.Errorf("%d hits, %+v", hits, s)
				}
				checkCounts(t, c)
			})
		}
	}
}
