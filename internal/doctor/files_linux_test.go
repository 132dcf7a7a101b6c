package doctor

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/internal/installation"
)

func TestBrokenSystem(t *testing.T) {
	for _, b := range []broken{
		{"FUSE device", Fail, "missing", func(_ *testing.T, w *world) { w.Device = w.path("none") }},
		{"FUSE device", Fail, "not-a-device", func(t *testing.T, w *world) {
			w.write(t, "fuse", "")
			w.Device = w.path("fuse")
		}},
		{"FUSE device", Fail, "unusable", func(t *testing.T, w *world) { w.Device = node(t, w, 0o666, 240, 1) }},
		{"FUSE helper", Fail, "missing", func(_ *testing.T, w *world) {
			w.Ordinary, w.Helper = true, func() (string, error) { return "", errors.New("not installed") }
		}},
		{"FUSE helper", Fail, "unusable", func(_ *testing.T, w *world) {
			w.Ordinary, w.Helper = true, func() (string, error) { return w.path("none"), nil }
		}},
		{"FUSE helper", Fail, "not-setuid", func(_ *testing.T, w *world) { w.Ordinary = true }},
		{"allow_other", Fail, "not-allowed", func(t *testing.T, w *world) {
			w.write(t, "fuse.conf", "# user_allow_other\n")
			w.Ordinary, w.AllowOther = true, true
		}},
	} {
		b.test(t)
	}
	w := newWorld(t)
	w.write(t, "fuse.conf", "# who may\n user_allow_other\n")
	w.Ordinary, w.AllowOther = true, true
	if f := w.find(t, "allow_other"); f.Verdict != OK {
		t.Errorf("%+v", f)
	}
	for release, kind := range map[string]string{"5.4.0-ann": "old", "ann": "unknown", "5.16.0": "", "6.1.0-13-amd64": ""} {
		if f := judgeKernel(release); f.Kind != kind {
			t.Errorf("%s: %+v", release, f)
		}
	}
}

// node makes a device.
func node(t *testing.T, w *world, mode uint32, major, minor uint32) string {
	t.Helper()
	name := w.path("device")
	if err := unix.Mknod(name, unix.S_IFCHR|mode, int(unix.Mkdev(major, minor))); err != nil {
		t.Skip("no device can be made here:", err)
	}
	return name
}

func TestBrokenFiles(t *testing.T) {
	for _, b := range []broken{
		{"cache directory", Fail, "unusable", func(t *testing.T, w *world) { must(t, os.Chmod(w.Cache.Dir, 0o755)) }},
		{"cache directory", Fail, "unusable", func(t *testing.T, w *world) {
			must(t, os.Rename(w.Cache.Dir, w.path("elsewhere")), os.Symlink(w.path("elsewhere"), w.Cache.Dir))
		}},
		{"cache directory", Fail, "unusable", func(t *testing.T, w *world) {
			must(t, os.Remove(filepath.Join(w.Cache.Dir, "format")))
		}},
		{"cache secrets", Warn, "not-looked-at", func(t *testing.T, w *world) { must(t, os.Chmod(w.Cache.Dir, 0o755)) }},
		{"cache secrets", Warn, "of-other-secrets", func(_ *testing.T, w *world) { w.Cache.Secrets = [][]byte{[]byte("another")} }},
		{"cache space", Warn, "scarce", func(_ *testing.T, w *world) { w.Cache.MinFree = 0.9999 }},
		{"cache space", Warn, "limit-above-disk", func(_ *testing.T, w *world) { w.Cache.Limit = 1 << 60 }},
		{"cache space", Fail, "full", full},
		{"cache file system", Warn, "in-memory", full},
		{"sessions file", Warn, "missing", func(_ *testing.T, w *world) { w.Sessions = []string{w.path("none")} }},
		{"sessions file", Fail, "unreadable", func(t *testing.T, w *world) { w.write(t, "sessions", "Dear John\n") }},
		{"sessions file", Warn, "bad-lines", func(t *testing.T, w *world) {
			w.write(t, "sessions", w.api.SessionIDs()[0].String()+"\nDear John\n")
		}},
		{"access log", Fail, "unusable", func(t *testing.T, w *world) {
			w.AccessLog = w.path("log")
			must(t, os.Symlink("/dev/null", w.AccessLog))
		}},
		{"access log", Fail, "unusable", func(t *testing.T, w *world) {
			w.AccessLog = w.path(strings.Repeat("l", 255)) // its checkpoint has a longer name
		}},
		{"installation key", Fail, "unusable", func(t *testing.T, w *world) { w.write(t, "key", "no key\n") }},
		{"installation key", Fail, "unusable", func(t *testing.T, w *world) {
			_, err := installation.Open(w.Key)
			must(t, err, os.Chmod(w.Key, 0o644))
		}},
		{"installation key", Fail, "missing", func(t *testing.T, w *world) {
			w.AccessLog = w.path("log")
			w.write(t, "log", "a record\n")
		}},
	} {
		b.test(t)
	}
	for name, want := range map[string]Verdict{"vfat": Fail, "nfs": Warn, "fuse": Warn, "ext4": OK, "other": OK} {
		if f := judgeFileSystem(name); f.Verdict != want || f.Facts["type"] != name {
			t.Errorf("%+v", f)
		}
	}
}

// TestManyObjects: a cache that can't be counted in time is still judged by what was seen.
func TestManyObjects(t *testing.T) {
	w := newWorld(t)
	d, err := directory.Inspect(w.Cache.Dir, false)
	must(t, err)
	defer d.Close()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if f := w.judgeObjects(late, d); f.Verdict != OK || f.Facts["all_counted"] != false {
		t.Errorf("%+v", f)
	}
	if f := w.judgeObjects(t.Context(), d); f.Verdict != OK || f.Facts["all_counted"] != true || f.Facts["objects"] != int64(1) {
		t.Errorf("%+v", f)
	}
}

// full puts the cache on a full disk of its own, in memory.
func full(t *testing.T, w *world) {
	point := w.path("disk")
	must(t, os.Mkdir(point, 0o700))
	if err := unix.Mount("none", point, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("nothing can be mounted here:", err)
	}
	t.Cleanup(func() { unix.Unmount(point, unix.MNT_DETACH) })
	f, err := os.Create(filepath.Join(point, "file"))
	must(t, err)
	defer f.Close()
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	w.Cache.Dir, w.Cache.Limit = filepath.Join(point, "cache"), 1<<10
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestOrdinary: what only an ordinary user can't do. The thread that is one looks at
// files only, and ends with the test.
func TestOrdinary(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this has to become an ordinary user")
	}
	w := newWorld(t)
	w.Device = node(t, w, 0o600, 10, 229)
	must(t, os.Mkdir(w.path("closed"), 0o755), os.Chmod(w.dir, 0o755), os.Chmod(filepath.Dir(w.dir), 0o755))
	w.AccessLog = w.path("closed/log")
	cached := w.Options
	cached.Cache.Dir = w.path("closed/cache")
	must(t, os.Mkdir(w.path("private"), 0o700))
	type found struct {
		name, kind string
		got        Finding
	}
	results := make(chan []found)
	go func() {
		runtime.LockOSThread() // and never unlock: nobody else gets this thread
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			panic(errno)
		}
		results <- []found{
			{"FUSE device", "closed", w.device(t.Context())},
			{"access log", "not-writable", w.accessLog(t.Context())},
			{"cache directory", "not-writable", cached.cacheDirectory(t.Context())},
			{"team store", "denied", judgeFolder(w.path("private"))},
			{"team store", "not-writable", judgeFolder(w.path("closed"))},
		}
	}()
	for _, f := range <-results {
		if f.got.Verdict == OK || f.got.Kind != f.kind || f.got.Mend == "" {
			t.Errorf("%s: %+v", f.name, f.got)
		}
	}
}
