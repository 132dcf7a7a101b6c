// Tests on real mounts. They run on Linux alone, because they read /proc and need
// FUSE.

package fs_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"veriffs/cache"
	"veriffs/fs"
	"veriffs/fs/mountpoint"
	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// TestMain fails a run that leaves a mount or a goroutine behind. The mounts
// are below a directory of this run's own: the tests of other packages, which
// run beside these, mount too.
func TestMain(m *testing.M) {
	if name := os.Getenv(mmapFile); name != "" {
		os.Exit(mapped(name))
	}
	dir, err := os.MkdirTemp("", "veriffs-")
	if err != nil {
		panic(err)
	}
	os.Setenv("TMPDIR", dir)
	code := m.Run()
	for _, point := range mountpoint.All() {
		if strings.HasPrefix(point, dir+"/") {
			println("left mounted:", point)
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println("left running:", err.Error())
			code = 1
		}
	}
	os.Remove(dir) // empty unless a test was left in its middle
	os.Exit(code)
}

// world is a mount of a stand-in API, with all that is between them.
type world struct {
	*sandbox.Sandbox
	t      testing.TB
	server *sandbox.Server
	lib    *library.Library
	point  string
	logged *logBuffer

	dir    string // of the cache
	client *veriff.Client
	cache  *cache.Cache
	mount  *fs.Mount
	config worldConfig
}

type worldConfig struct {
	sandbox  sandbox.Options
	client   func(*veriff.Config)
	cache    func(*cache.Options)
	listTTL  time.Duration
	unlisted bool // the library is not told of the sessions

	noReadAhead bool
	inodes      int
	shown       listing.Selection
	records     *ledger // gets the records of opens
	mount       func(*fs.Options)
}

// newWorld mounts the stand-in's world for the time of a test.
func newWorld(t testing.TB, config worldConfig) *world {
	t.Helper()
	requireFUSE(t)
	w := &world{t: t, Sandbox: sandbox.New(config.sandbox), dir: t.TempDir(), config: config, logged: new(logBuffer)}
	if err := os.Chmod(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	server, err := sandbox.Listen(w.Sandbox)
	if err != nil {
		t.Fatal(err)
	}
	w.server = server
	t.Cleanup(server.Close)
	w.point = filepath.Join(t.TempDir(), "mnt")
	w.up()
	t.Cleanup(func() {
		w.ClearFaults()
		w.down()
		if t.Failed() {
			t.Logf("the log's warnings:\n%s", strings.Join(w.logged.lines(), ""))
		}
	})
	return w
}

// requireFUSE skips where nothing can be mounted, but never in CI.
func requireFUSE(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err == nil {
		f.Close()
		return
	}
	if os.Getenv("CI") != "" || os.Getenv("VERIFFS_REQUIRE_FUSE") != "" {
		t.Fatalf("no mount is possible: %v", err)
	}
	t.Skipf("no mount is possible: %v", err)
}

func (w *world) up() {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(w.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config := veriff.Config{
		BaseURL: w.server.URL, APIKey: w.APIKey, Secrets: w.Secrets(), Logger: log,
		// Short, so that what fails in the end does not take the test's time.
		Connect: 2 * time.Second, FirstByte: 2 * time.Second, Stall: time.Second, Patience: 3 * time.Second,
	}
	if w.config.client != nil {
		w.config.client(&config)
	}
	var err error
	if w.client, err = veriff.New(config); err != nil {
		w.t.Fatal(err)
	}
	options := cache.Options{Dir: filepath.Join(w.dir, "cache"), Limit: 1 << 30, Logger: log}
	for _, secret := range config.Secrets {
		options.Secrets = append(options.Secrets, []byte(secret))
	}
	if w.config.cache != nil {
		w.config.cache(&options)
	}
	if w.cache, err = cache.Open(options); err != nil {
		w.t.Fatal(err)
	}
	w.lib, err = library.New(library.Options{Client: w.client, Cache: w.cache, ListTTL: w.config.listTTL, NoReadAhead: w.config.noReadAhead, Shown: w.config.shown, Logger: log})
	if err != nil {
		w.t.Fatal(err)
	}
	if !w.config.unlisted {
		w.list(w.SessionIDs()...)
	}
	mounted := fs.Options{Library: w.lib, Mountpoint: w.point, Account: "test", Inodes: w.config.inodes, Logger: log,
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Umask: 0o077}
	if w.config.records != nil {
		mounted.Recorder = w.config.records
	}
	if w.config.mount != nil {
		w.config.mount(&mounted)
	}
	w.mount, err = fs.New(mounted)
	if err != nil {
		w.t.Fatal(err)
	}
	w.unpolled()
}

// unpolled makes the kernel learn that files of the mount can't be polled. The
// first poll is a request to the server, which runs in this process. If Go's
// runtime, which polls every file that it opens, were the first to ask, it would
// hold the processor that the server needs to answer. The program itself never
// opens a file of its own mount.
func (w *world) unpolled() {
	w.t.Helper()
	fd, err := unix.Open(w.path("README.txt"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); err != nil {
		w.t.Fatal(err)
	}
}

// list tells the library of these sessions and no others.
func (w *world) list(ids ...veriff.SessionID) {
	slices.SortFunc(ids, veriff.SessionID.Compare)
	w.lib.SetSessions(ids)
}

func (w *world) down() {
	if w.mount == nil {
		return
	}
	if _, err := w.mount.Unmount(); err != nil {
		w.t.Error(err)
	}
	w.mount.Wait()
	w.lib.Close()
	if err := w.cache.Close(); err != nil {
		w.t.Error(err)
	}
	w.client.Close()
	w.mount = nil
}

// remount ends the mount and everything of its process, and starts again on
// the same cache.
func (w *world) remount() {
	w.t.Helper()
	w.down()
	w.up()
}

func (w *world) path(elements ...string) string {
	return filepath.Join(append([]string{w.point}, elements...)...)
}

// shell runs a script in the mount, in a process of its own.
func (w *world) shell(script string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", `cd "$0" || exit 99; ` + script, w.point}, args...)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if err != nil {
		return out.String(), &shellError{err, complaint.String()}
	}
	return out.String(), nil
}

type shellError struct {
	error
	complaint string
}

func (e *shellError) Error() string { return e.error.Error() + ": " + strings.TrimSpace(e.complaint) }

// mustShell is shell where failing is the test's failure.
func (w *world) mustShell(script string, args ...string) string {
	w.t.Helper()
	out, err := w.shell(script, args...)
	if err != nil {
		w.t.Fatalf("sh -c %q: %v", script, err)
	}
	return out
}

// files are the paths, below the mount, of what the API lists, with the
// bytes that should be there.
func (w *world) files() map[string][]byte {
	files := make(map[string][]byte)
	for _, s := range w.Sessions() {
		if len(s.Attempts) == 0 {
			continue
		}
		for _, f := range s.Attempts[0].Media {
			files["sessions/"+s.ID.String()+"/"+fileName(f)] = w.Bytes(f.ID)
		}
	}
	return files
}

// fileName is the test's own idea of a file's name.
func fileName(f sandbox.File) string {
	ext, ok := map[string]string{
		"image/jpeg": "jpg", "image/jpg": "jpg", ".jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic", "image/heif": "heif",
		"application/pdf": "pdf", "application/json": "json", "video/webm": "webm", "video/mp4": "mp4",
	}[f.MIMEType]
	if !ok {
		ext = "bin"
	}
	return f.ID.String() + "." + ext
}

// requests runs f and returns how many requests it cost.
func (w *world) requests(f func()) int {
	before := w.Requests().Total
	f()
	return w.Requests().Total - before
}

// logBuffer is a log that a test can read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// lines returns the lines logged at warning level or above that have all of
// the words.
func (l *logBuffer) lines(words ...string) (found []string) {
	for line := range strings.Lines(l.String()) {
		if !strings.Contains(line, "level=WARN") && !strings.Contains(line, "level=ERROR") {
			continue
		}
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			found = append(found, line)
		}
	}
	return found
}
