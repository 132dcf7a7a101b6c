package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// du is what `du -s --block-size=1` says of a directory. Files may come and
// go meanwhile.
func du(t testing.TB, dir string) int64 {
	t.Helper()
	var sum int64
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return nil
		}
		sum += st.Blocks * 512
		return nil
	})
	if err != nil {
		t.Fatalf("du: %v", err)
	}
	return sum
}

// files lists the objects' files below a cache's directory.
func files(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "????????????????", "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// waitLoaded waits until the index is complete.
func waitLoaded(t testing.TB, c *Cache) {
	t.Helper()
	for c.store.Load().index.State().Loading {
		time.Sleep(time.Millisecond) // the index gives no notice
	}
}

// checkCounts compares every count with what is on disk, once no file is being
// replaced or removed. What the index counts by itself its own tests check.
func checkCounts(t testing.TB, c *Cache) {
	t.Helper()
	waitLoaded(t, c)
	var wrong string
	for range 1000 {
		if wrong = miscounted(t, c); wrong == "" {
			return
		}
		time.Sleep(time.Millisecond) // background work gives no notice
	}
	t.Error(wrong)
}

func miscounted(t testing.TB, c *Cache) string {
	t.Helper()
	st := c.store.Load()
	x := st.index.State()
	if x.Reserved != 0 {
		return fmt.Sprintf("%d bytes are reserved", x.Reserved)
	}
	if got, want := int64(len(files(t, c.opts.Dir))), x.Objects+x.Lost+x.Foreign; got != want {
		return fmt.Sprintf("%d files for %d objects", got, want)
	}
	real := du(t, c.opts.Dir)
	if real > x.Bytes || real > c.opts.Limit {
		return fmt.Sprintf("%d bytes on disk, counted %d, limit %d", real, x.Bytes, c.opts.Limit)
	}
	if x.Open > 0 { // how much of it is not on disk any more is not known
		return ""
	}
	var extra int64 // that objects count for more than their blocks
	for _, path := range files(t, c.opts.Dir) {
		var s unix.Stat_t
		if unix.Lstat(path, &s) == nil {
			extra += st.dir.OnDisk(s.Size, s.Blocks) - s.Blocks*512
		}
	}
	if x.Bytes > real+extra {
		return fmt.Sprintf("counted %d bytes, on disk %d and %d", x.Bytes, real, extra)
	}
	return ""
}

// crash ends a cache as kill -9 does: what is unfinished stays lying around.
func crash(c *Cache) {
	c.closed.Store(true)
	c.stop()
	c.store.Load().index.Close()
	c.wg.Wait()
	c.store.Load().dir.Close()
}

// claim keeps others from the file of a name, as work on it does.
func claim(t testing.TB, c *Cache, n seal.Name) {
	t.Helper()
	_, _, err := c.store.Load().index.Claim(n, index.ErasePatience)
	must(t, err)
}

// logLines collects what is logged.
type logLines struct {
	mu  sync.Mutex
	all []string
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(p))
	return len(p), nil
}

func (l *logLines) count(what string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.all {
		if strings.Contains(s, what) {
			n++
		}
	}
	return n
}

// serve stores an object and reads what Commit returned: what a reader gets,
// whatever state the disk is in.
func serve(t *testing.T, c *Cache, k Key, want []byte) {
	t.Helper()
	w, err := c.Create(k, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, bytes.NewReader(want)); err != nil {
		t.Fatal(err)
	}
	o, err := w.Commit([]byte("label of " + k))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s: %v", k, err)
	}
}

// fillDisk takes all the room of a small file system, in the file hog.
func fillDisk(t *testing.T, fs string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(fs, "hog"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
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
	t.Skip("needs root to mount a file system or to change owners")
}

func mountTmpfs(t testing.TB, dir, opts string) {
	t.Helper()
	asRoot(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := tmpfs(dir, opts); err != nil {
		t.Fatalf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
}

// soak is the time that a test which takes its time is given: VERIFFS_SOAK,
// a duration. Such tests add nothing new, only more of what others do once.
type soak struct{ end time.Time }

func newSoak(t *testing.T) soak {
	t.Helper()
	d, err := time.ParseDuration(os.Getenv("VERIFFS_SOAK"))
	if err != nil {
		t.Skip("VERIFFS_SOAK, for how long, is not set")
	}
	return soak{time.Now().Add(d)}
}

func (s soak) goesOn() bool { return time.Now().Before(s.end) }

// clock is a clock that the test moves. It starts at the system's time, which
// the kernel itself gives to files that are read.
type clock struct{ unix atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.unix.Store(time.Now().Unix())
	return c
}

func (c *clock) now() time.Time        { return time.Unix(c.unix.Load(), 0) }
func (c *clock) advance(seconds int64) { c.unix.Add(seconds) }

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
