package command_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
