package command_test

import (
	"fmt"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/fs/mountpoint"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

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
