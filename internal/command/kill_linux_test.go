package command_test

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/fs/mountpoint"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

const (
	killCache   = 4 << 20 // bytes that the cache may take; the world has four times as many
	killFile    = killCache / 20
	killReaders = 6
)

// TestKillMount kills a mount with kill -9 at random moments while it is read,
// and mounts again in its place, again and again. No read ever returns wrong
// bytes or hangs, the cache stays within its bound, and in the end there is
// nothing left over and what is in the cache serves.
func TestKillMount(t *testing.T) {
	killMounts(t, func(round int) bool { return round < 12 })
}

// TestSoakKillMount does the same for as long as VERIFFS_SOAK says, and 200
// times at least.
func TestSoakKillMount(t *testing.T) {
	d, err := time.ParseDuration(os.Getenv("VERIFFS_SOAK"))
	if err != nil {
		t.Skip("VERIFFS_SOAK, for how long, is not set")
	}
	end := time.Now().Add(d)
	killMounts(t, func(round int) bool { return round < 200 || time.Now().Before(end) })
}

func killMounts(t *testing.T, goesOn func(round int) bool) {
	w := newKillWorld(t)
	rounds := 0
	for ; goesOn(rounds) && !t.Failed(); rounds++ {
		if rounds%4 == 3 {
			w.killStarting()
		} else {
			w.killReading()
		}
	}
	t.Logf("%d kills; %d reads; at most %d bytes on disk in %d looks", rounds, w.reads.Load(), w.most, w.looks)
	if t.Failed() {
		return
	}
	if fetched := w.Requests().ByKind[sandbox.Media] * killFile; w.most < killCache/2 || fetched < 2*killCache {
		t.Errorf("%d bytes fetched: the cache was not full, and nothing is proved of its bound", fetched)
	}
	w.endsTidily()
}

// killWorld is a world of which one file after the other is read through
// mounts that get killed.
type killWorld struct {
	*sandbox.Sandbox
	t           *testing.T
	environment []string
	point       string
	cache       string // --cache-dir
	temp, run   string // TMPDIR, XDG_RUNTIME_DIR

	paths   []string          // of the files, below the mount
	content map[string][]byte // by path
	held    *os.File          // of the mount that was killed last
	heldIs  []byte

	reads atomic.Int64
	most  int64 // bytes on disk
	looks int
}

func newKillWorld(t *testing.T) *killWorld {
	requireFUSE(t)
	s := sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 8, Files: 10, FileSize: killFile}})
	server, err := sandbox.Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	work := t.TempDir()
	w := &killWorld{
		Sandbox: s, t: t, content: make(map[string][]byte), point: filepath.Join(work, "mnt"),
		cache: filepath.Join(work, "cache"), temp: filepath.Join(work, "tmp"), run: filepath.Join(work, "run"),
	}
	for _, dir := range []string{w.temp, w.run} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var list strings.Builder
	for _, session := range s.Sessions() {
		fmt.Fprintln(&list, session.ID)
	}
	sessions := filepath.Join(work, "sessions.txt")
	if err := os.WriteFile(sessions, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "VERIFF") {
			w.environment = append(w.environment, v)
		}
	}
	w.environment = append(w.environment,
		"HOME="+work, "TMPDIR="+w.temp, "XDG_RUNTIME_DIR="+w.run, "XDG_CONFIG_HOME="+work,
		"VERIFF_API_URL="+server.URL, "VERIFF_API_KEY="+s.APIKey, "VERIFF_SHARED_SECRET="+s.Secrets()[0],
		"VERIFFS_SESSIONS="+sessions, "VERIFFS_CACHE_DIR="+w.cache, fmt.Sprint("VERIFFS_CACHE_SIZE=", killCache),
		"VERIFFS_MIN_FREE=0%", // the bound is the limit alone, however full this machine's disk is
	)
	t.Cleanup(func() {
		if w.held != nil {
			w.held.Close()
		}
		if slices.Contains(mountpoint.All(), w.point) {
			mountpoint.Unmount(w.point)
		}
	})
	w.list()
	return w
}

// list learns the paths of the files from a mount that ends well.
func (w *killWorld) list() {
	w.t.Helper()
	p := w.mount("--read-ahead", "off")
	for _, session := range w.Sessions() {
		dir := filepath.Join("sessions", session.ID.String())
		entries, err := os.ReadDir(filepath.Join(w.point, dir))
		if err != nil || len(entries) != len(session.Attempts[0].Media) {
			w.t.Fatalf("%s: %d entries, %v", dir, len(entries), err)
		}
		for _, e := range entries {
			id, err := veriff.ParseMediaID(strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())))
			if err != nil {
				w.t.Fatal(err)
			}
			path := filepath.Join(dir, e.Name())
			w.paths = append(w.paths, path)
			w.content[path] = w.Bytes(id)
		}
	}
	w.terminate(p)
}

// command is a run of veriffs in the world's environment.
func (w *killWorld) command(args ...string) *exec.Cmd {
	w.t.Helper()
	program, err := exec.LookPath("veriffs")
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = w.environment
	return cmd
}

// begin runs veriffs mount.
func (w *killWorld) begin(args ...string) *process {
	w.t.Helper()
	return w.launch(w.command(append(append([]string{"mount"}, args...), w.point)...))
}

// launch starts a process that mounts.
func (w *killWorld) launch(cmd *exec.Cmd) *process {
	w.t.Helper()
	p := &process{cmd: cmd, output: &output{more: make(chan struct{})}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p.output, p.output, patience
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	w.t.Cleanup(func() {
		p.cmd.Process.Kill()
		select {
		case <-p.ended:
			return
		case <-time.After(5 * time.Second):
		}
		// A thread of it waits for its own mount, which not even kill -9 ends;
		// cutting the connection does.
		_ = unix.Unmount(w.point, unix.MNT_FORCE)
		select {
		case <-p.ended:
		case <-time.After(patience):
			w.t.Error("the mount's process does not end")
		}
	})
	return p
}

// mount runs veriffs mount until the mount answers.
func (w *killWorld) mount(args ...string) *process {
	w.t.Helper()
	p := w.begin(args...)
	if !p.wait("mounted on ") {
		written, _ := p.output.read()
		w.t.Fatalf("no mount:\n%s", written)
	}
	return p
}

// killReading mounts, reads, and kills.
func (w *killWorld) killReading() {
	w.t.Helper()
	p := w.mount()
	w.checkHeld()
	w.hold()
	var (
		readers sync.WaitGroup
		killed  atomic.Bool
	)
	for range killReaders {
		readers.Go(func() { w.readUntil(&killed) })
	}
	enough := w.reads.Load() + 15 + rand.Int64N(30)
	for late := time.Now().Add(patience); w.reads.Load() < enough && time.Now().Before(late) && !w.t.Failed(); {
		time.Sleep(20 * time.Millisecond)
		w.look(p)
	}
	time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond) // not to synchronise: the moment is meant to be arbitrary
	killed.Store(true)
	w.kill(p)
	within(w.t, "readers end when the mount was killed", readers.Wait)

	var st unix.Statfs_t
	if err := unix.Statfs(w.point, &st); !errors.Is(err, unix.ENOTCONN) {
		w.t.Errorf("the killed mount should be there and dead: %v", err)
	}
}

// killStarting kills a mount while it comes up.
func (w *killWorld) killStarting() {
	w.t.Helper()
	p := w.begin()
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // arbitrary, too
	w.kill(p)
}

// kill ends a mount as kill -9 does and looks at what it has left.
func (w *killWorld) kill(p *process) {
	w.t.Helper()
	p.cmd.Process.Kill()
	within(w.t, "a killed mount ends", func() { <-p.ended })
	w.measure()
	w.checkOutput(p)
}

// checkOutput: a crash damages nothing.
func (w *killWorld) checkOutput(p *process) {
	w.t.Helper()
	written, _ := p.output.read()
	for _, bad := range []string{"damaged", "panic", "DATA RACE", "bypassed"} {
		if strings.Contains(written, bad) {
			w.t.Errorf("the log says %q:\n%s", bad, written)
			return
		}
	}
}

// hold opens a file that stays open when the mount is killed.
func (w *killWorld) hold() {
	w.t.Helper()
	path := w.paths[rand.IntN(len(w.paths))]
	var err error
	if w.held, err = os.Open(filepath.Join(w.point, path)); err != nil {
		w.t.Fatal(err)
	}
	w.heldIs = w.content[path]
}

// checkHeld reads the file that was open when the last mount was killed: what
// the kernel does not have is an error, and nothing waits.
func (w *killWorld) checkHeld() {
	w.t.Helper()
	if w.held == nil {
		return
	}
	got := make([]byte, len(w.heldIs))
	within(w.t, "a read of a dead mount's file returns", func() {
		n, err := w.held.ReadAt(got, 0)
		if !bytes.Equal(got[:n], w.heldIs[:n]) {
			w.t.Errorf("%s: wrong bytes from a dead mount", w.held.Name())
		}
		if err == nil && n < len(got) {
			w.t.Errorf("%s: %d bytes from a dead mount and no error", w.held.Name(), n)
		}
	})
	w.held.Close()
	w.held = nil
}

var errWrong = errors.New("wrong bytes")

// readUntil reads files until an error, which may come when the mount was
// killed, and not before.
func (w *killWorld) readUntil(killed *atomic.Bool) {
	for {
		path := w.paths[rand.IntN(len(w.paths))]
		if err := w.read(path); errors.Is(err, errWrong) || err != nil && !killed.Load() {
			w.t.Errorf("%s: %v", path, err)
			return
		} else if err != nil {
			return
		}
		w.reads.Add(1)
	}
}

// read reads a file whole, or some pieces of it.
func (w *killWorld) read(path string) error {
	want := w.content[path]
	f, err := os.Open(filepath.Join(w.point, path))
	if err != nil {
		return err
	}
	defer f.Close()
	off, n, times := 0, len(want), 1
	if rand.IntN(2) == 0 {
		times = 8
	}
	for range times {
		if times > 1 {
			off = rand.IntN(len(want))
			n = min(len(want)-off, 1+rand.IntN(64<<10))
		}
		got := make([]byte, n)
		n, err := f.ReadAt(got, int64(off))
		if !bytes.Equal(got[:n], want[off:off+n]) {
			return fmt.Errorf("%d bytes from %d: %w", n, off, errWrong)
		}
		if err != nil {
			return err
		}
	}
	info, err := f.Stat()
	if err == nil && info.Size() != int64(len(want)) {
		return fmt.Errorf("a size of %d: %w", info.Size(), errWrong)
	}
	return err
}

// look stops a mount to see what is on disk at one moment: bytes that come
// while others go would be counted with them.
func (w *killWorld) look(p *process) {
	w.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		w.t.Errorf("stop the mount: %v", err)
		return
	}
	within(w.t, "the mount stops", func() {
		for errors.Is(unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WSTOPPED, nil), unix.EINTR) {
		}
	})
	w.measure()
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		w.t.Errorf("let the mount go on: %v", err)
	}
}

// measure holds what is on disk, as du -s -B1 counts it, against the bound.
func (w *killWorld) measure() {
	w.t.Helper()
	var sum int64
	err := filepath.WalkDir(w.cache, func(name string, _ iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		err = unix.Lstat(name, &st)
		sum += st.Blocks * 512
		return err
	})
	if err != nil {
		w.t.Errorf("measure: %v", err)
	}
	w.looks++
	w.most = max(w.most, sum)
	if sum > killCache {
		w.t.Errorf("%d bytes on disk, the cache's size is %d", sum, killCache)
	}
}

// terminate ends a mount as a user does, which must go well.
func (w *killWorld) terminate(p *process) {
	w.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	within(w.t, "a mount ends when it is told to", func() { <-p.ended })
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		written, _ := p.output.read()
		w.t.Errorf("exit code %d:\n%s", code, written)
	}
	if slices.Contains(mountpoint.All(), w.point) {
		w.t.Error("still mounted")
	}
	w.checkOutput(p)
	w.measure()
}

// endsTidily mounts a last time, ends it well, and sees that there is nothing
// left over; and that what was read is served to the next mount without a
// request but the one that checks the credentials.
func (w *killWorld) endsTidily() {
	w.t.Helper()
	some := w.paths[:5]
	for _, mount := range []string{"after a crash", "after a clean end"} {
		w.ResetRequests()
		p := w.mount("--read-ahead", "off")
		w.checkHeld()
		for _, path := range some {
			got, err := os.ReadFile(filepath.Join(w.point, path))
			if err != nil || !bytes.Equal(got, w.content[path]) {
				w.t.Errorf("%s, %s: %d bytes, %v", mount, path, len(got), err)
			}
		}
		w.terminate(p)
		w.checkNothingLeft()
	}
	if n := w.Requests().Total; n != 1 {
		w.t.Errorf("%d requests for what is in the cache:\n%s", n-1, strings.Join(w.Paths(), "\n"))
	}
}

// inCache is what docs/cache-format.md says there is.
var inCache = regexp.MustCompile(`^(\.|[0-9a-f]{12}(/(CACHEDIR\.TAG|\.metadata_never_index|format|lock|tmp|[0-9a-f]{16}(/[0-9a-f]{2}(/[0-9a-f]{32})?)?))?)$`)

func (w *killWorld) checkNothingLeft() {
	w.t.Helper()
	err := filepath.WalkDir(w.cache, func(name string, _ iofs.DirEntry, err error) error {
		rel, _ := filepath.Rel(w.cache, name)
		if err == nil && !inCache.MatchString(rel) {
			w.t.Errorf("left in the cache: %s", rel)
		}
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
	for _, dir := range []string{w.temp, w.run} {
		_ = filepath.WalkDir(dir, func(name string, d iofs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				w.t.Errorf("left: %s, %v", name, err)
			}
			return nil
		})
	}
}

// within fails the test, for good, if f does not return: nothing that follows
// would mean anything.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("not so in time: %s", what)
	}
}
