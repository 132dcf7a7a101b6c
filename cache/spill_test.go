package cache

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// spilled writes an object that the cache has no room for, and leaves it open.
func spilled(c *Cache, k Key, want []byte, hint int64) (*Object, error) {
	w, err := c.Create(k, hint)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	if _, err := io.Copy(w, bytes.NewReader(want)); err != nil {
		return nil, err
	}
	return w.Commit(nil)
}

// TestSpillsAreBounded has more open than may be outside of the cache. What is
// too much waits until something is closed, for a while; nothing is lost by that.
func TestSpillsAreBounded(t *testing.T) {
	o := testOptions(t)
	o.Limit, o.TempDir = 4<<20, t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c, err := Open(o)
		must(t, err)
		defer c.Close()
		c.budget.limit = 50 << 20
		film := content(1, 30<<20)
		for _, hint := range []int64{int64(len(film)), -1, 10, 1 << 60} {
			first, err := spilled(c, "first", film, hint)
			must(t, err)
			if s := c.Stats(); s.Spilled < 30<<20 || s.Spilled > 50<<20 || s.Memory != 0 {
				t.Errorf("%+v", s)
			}
			start := time.Now()
			if _, err := spilled(c, "second", film, hint); !errors.Is(err, errSpillFull) || time.Since(start) < spillPatience {
				t.Errorf("hint %d: error %v after %v", hint, err, time.Since(start))
			}
			done := make(chan error, 1)
			go func() {
				o, err := spilled(c, "second", film, hint)
				if err == nil {
					err = errors.Join(o.Verify(), o.Close())
				}
				done <- err
			}()
			synctest.Wait() // it waits, too
			must(t, first.Verify())
			must(t, first.Close())
			must(t, <-done)
			if s := c.Stats(); s.Spilled != 0 || s.Memory != 0 {
				t.Errorf("hint %d: %+v", hint, s)
			}
		}
		if _, err := spilled(c, "large", content(1, 60<<20), -1); !errors.Is(err, errSpillLarge) {
			t.Errorf("error %v", err)
		}
		if s := c.Stats(); s.Spilled != 0 || s.Memory != 0 {
			t.Errorf("%+v", s)
		}
		checkCounts(t, c)
	})
}

// TestSpillsGoToADisk has the system's temporary directory in memory, and the
// cache on a disk.
func TestSpillsGoToADisk(t *testing.T) {
	var st unix.Statfs_t
	o := testOptions(t)
	o.Limit = 4 << 20
	c := open(t, o)
	if must(t, unix.Statfs(o.Dir, &st)); inMemory(&st) {
		t.Skip("there is no disk here")
	}
	temp := filepath.Join(t.TempDir(), "memory")
	mountTmpfs(t, temp, "size=64m,mode=0700")
	t.Setenv("TMPDIR", temp)
	film := content(1, spillObject+1<<20)
	obj, err := spilled(c, "film", film, -1)
	must(t, err)
	defer obj.Close()
	must(t, obj.Verify())
	for _, file := range []*os.File{obj.src.(*spill).file, ownSpill(t, c)} {
		must(t, unix.Fstatfs(int(file.Fd()), &st))
		if inMemory(&st) {
			t.Errorf("%s is in memory", file.Name())
		}
	}
	if names, _ := os.ReadDir(filepath.Join(o.Dir, tempDir)); len(names) != 0 {
		t.Errorf("named files in the temporary directory: %v", names)
	}
	// Nothing of it is in clear.
	sealed := make([]byte, 4096)
	_, err = obj.src.ReadAt(sealed, headerSize)
	must(t, err)
	if bytes.Equal(sealed, film[:len(sealed)]) {
		t.Error("in clear")
	}
}

// ownSpill is the file on the cache's own disk that is taken without /var/tmp.
func ownSpill(t *testing.T, c *Cache) *os.File {
	t.Helper()
	f, err := c.ownUnlinked(c.dir.Load())
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}
