package command_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"math/rand/v2"

	"golang.org/x/sys/unix"

	"veriffs/fs/mountpoint"
	"veriffs/internal/accesslog"
	"veriffs/internal/control"
	"veriffs/veriff/sandbox"
)

// TestSupervisedMount kills the process of a mount in the background while it is read:
// each time another one takes its place. TestSoakSupervisedMount does it 50 times.
func TestSupervisedMount(t *testing.T) {
	killSupervised(t, 5, 0, syscall.SIGKILL, syscall.SIGABRT) // the latter is how Go ends after a panic, and what a watchdog sends
}

func TestSoakSupervisedMount(t *testing.T) {
	if os.Getenv("VERIFFS_SOAK") == "" {
		t.Skip("VERIFFS_SOAK, for how long, is not set")
	}
	killSupervised(t, 50, 10*time.Second, syscall.SIGKILL) // so that no death counts as one of many in a row
}

func killSupervised(t *testing.T, kills int, apart time.Duration, how ...syscall.Signal) {
	w := newSupervisedWorld(t)
	var (
		readers sync.WaitGroup
		stop    atomic.Bool
		took    []time.Duration
	)
	defer readers.Wait()
	defer stop.Store(true)
	for range killReaders {
		readers.Go(func() { w.readThrough(&stop) })
	}
	status := w.status()
	for n := range kills {
		enough := w.reads.Load() + 15 + rand.Int64N(30)
		w.waitFor("files are read", func() bool { return w.reads.Load() >= enough })
		time.Sleep(apart)
		killed := status.PID
		w.signal(killed, how[n%len(how)])
		began := time.Now()
		w.waitFor("the killed process ends", func() bool { return !running(killed) })
		w.waitFor("the path works again", func() bool {
			got, err := os.ReadFile(filepath.Join(w.point, w.paths[0]))
			if err == nil && !bytes.Equal(got, w.content[w.paths[0]]) {
				t.Errorf("after kill %d: wrong bytes", n+1)
			}
			return err == nil
		})
		took = append(took, time.Since(began))
		if status = w.status(); status.PID == killed || status.Restarts != n+1 || status.Supervisor == 0 {
			t.Errorf("after kill %d: %+v", n+1, status.Mount)
		}
	}
	stop.Store(true)
	readers.Wait()
	slices.Sort(took)
	t.Logf("%d kills, %d reads, %d of an empty directory; it worked again after %v (half of them), %v (all)", kills, w.reads.Load(), w.absent.Load(), took[len(took)/2], took[len(took)-1])
	if out, err := w.command("status", w.point).CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprintf("mounted again %d times after a crash", kills)) {
		t.Errorf("%v\n%s", err, out)
	}
	w.must("unmount", w.point)
	w.endsWith(status)

	// The log may have been rotated, so it is read by the program.
	out, err := w.command("log", "show", "--json", "--op", "mount", "--op", "unclean", "--op", "unmount").Output()
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[accesslog.Operation]int)
	for line := range bytes.Lines(out) {
		var r accesslog.Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		counts[r.Operation]++
	}
	if counts[accesslog.OpMount] != kills+1 || counts[accesslog.OpUnclean] != kills || counts[accesslog.OpUnmount] != 1 {
		t.Errorf("the access log has %v", counts)
	}
}

// TestSupervisorEnds: whatever ends a mount in order also ends its supervisor.
func TestSupervisorEnds(t *testing.T) {
	for name, end := range map[string]func(w *supervisedWorld, s *control.Status){
		"SIGTERM to the supervisor": func(w *supervisedWorld, s *control.Status) { w.signal(s.Supervisor, syscall.SIGTERM) },
		"SIGTERM to the mount":      func(w *supervisedWorld, s *control.Status) { w.signal(s.PID, syscall.SIGTERM) },
		"unmounted by others":       func(w *supervisedWorld, s *control.Status) { mountpoint.Unmount(w.point) },
		"unmounted while dead": func(w *supervisedWorld, s *control.Status) {
			// The supervisor does not see the death before the dead mount is gone.
			w.signal(s.Supervisor, syscall.SIGSTOP)
			w.signal(s.PID, syscall.SIGKILL)
			w.waitFor("the mount is dead", func() bool { return mountpoint.Stale(w.point) })
			w.must("unmount", w.point)
			w.signal(s.Supervisor, syscall.SIGCONT)
		},
		"SIGTERM while another process starts": func(w *supervisedWorld, s *control.Status) {
			w.signal(s.Supervisor, syscall.SIGSTOP)
			w.signal(s.PID, syscall.SIGKILL)
			w.waitFor("the mount is dead", func() bool { return mountpoint.Stale(w.point) })
			asked := w.Set(sandbox.Match{}, sandbox.Stall(0))
			w.t.Cleanup(asked.Release)
			w.signal(s.Supervisor, syscall.SIGCONT)
			within(w.t, "the API is asked", func() { _ = asked.Wait(w.t.Context(), 1) })
			w.signal(s.Supervisor, syscall.SIGTERM)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSupervisedWorld(t)
			s := w.status()
			end(w, s)
			w.endsWith(s)
		})
	}
}

// TestSupervisorUnmountedLater: a dead mount that is unmounted after other processes could
// not take its place does not come back.
func TestSupervisorUnmountedLater(t *testing.T) {
	t.Parallel()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := port.Addr().String()
	port.Close()
	w := newSupervisedWorld(t, "VERIFFS_METRICS_LISTEN="+address)
	s := w.status()
	w.signal(s.Supervisor, syscall.SIGSTOP)
	w.signal(s.PID, syscall.SIGKILL)
	w.waitFor("the port is free", func() bool { port, err = net.Listen("tcp", address); return err == nil })
	defer port.Close()
	w.signal(s.Supervisor, syscall.SIGCONT)
	w.waitFor("three processes have failed", func() bool {
		written, _ := os.ReadFile(w.program)
		return bytes.Count(written, []byte("mounting again")) == 4
	})
	w.must("unmount", w.point)
	port.Close()
	w.endsWith(s)
}

// TestSupervisorWaits: settings that can't be had after a death may be there later.
func TestSupervisorWaits(t *testing.T) {
	t.Parallel()
	w := newSupervisedWorld(t)
	w.must("unmount", w.point)
	w.profile("mine")
	w.must("mount", "--background", "--profile", "mine", w.point)
	s := w.status()
	w.must("profile", "remove", "mine")
	w.signal(s.PID, syscall.SIGKILL)
	w.waitFor("the supervisor waits", func() bool {
		written, _ := os.ReadFile(w.program)
		return bytes.Count(written, []byte("mounting again")) == 2
	})
	w.logSays("after=30s")
	w.signal(s.Supervisor, syscall.SIGTERM)
	w.endsWith(s)
}

// TestSupervisorKilled: a mount goes on without its supervisor, and ends as one does.
func TestSupervisorKilled(t *testing.T) {
	w := newSupervisedWorld(t)
	s := w.status()
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.Supervisor))
	if err != nil || !bytes.Contains(environment, []byte("VERIFF_API_URL")) || bytes.Contains(environment, []byte(w.APIKey)) || bytes.Contains(environment, []byte(w.Secrets()[0])) {
		t.Errorf("the supervisor has a secret in its environment, or none at all: %v", err)
	}
	w.signal(s.Supervisor, syscall.SIGKILL)
	w.waitFor("the supervisor ends", func() bool { return !running(s.Supervisor) })
	if got, err := os.ReadFile(filepath.Join(w.point, w.paths[1])); err != nil || !bytes.Equal(got, w.content[w.paths[1]]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	w.must("unmount", w.point)
	w.endsWith(s)
}

// TestSupervisorGivesUp: a mount that dies again and again is not started for ever, and
// leaves no dead mount behind. The same holds if the credentials have become wrong.
func TestSupervisorGivesUp(t *testing.T) {
	t.Run("deaths", func(t *testing.T) {
		t.Parallel()
		w := newSupervisedWorld(t)
		s := w.status()
		for last := s; last != nil; last = w.next(last) {
			w.signal(last.PID, syscall.SIGKILL)
			s = last
		}
		w.endsWith(s)
		w.logSays("giving up")
	})
	t.Run("credentials", func(t *testing.T) {
		t.Parallel()
		w := newSupervisedWorld(t)
		s := w.status()
		w.SetActive(false)
		w.signal(s.PID, syscall.SIGKILL)
		w.endsWith(s)
		w.logSays("another one can't take its place")
	})
}

// supervisedWorld is a mount in the background.
type supervisedWorld struct {
	*killWorld
	log, program string // the access log, the log of the program
	absent       atomic.Int64
}

func newSupervisedWorld(t *testing.T, variables ...string) *supervisedWorld {
	t.Helper()
	w := &supervisedWorld{killWorld: newKillWorld(t)}
	dir := t.TempDir()
	w.log, w.program = filepath.Join(dir, "log"), filepath.Join(dir, "program")
	w.environment = append(w.environment, "VERIFFS_ACCESS_LOG="+w.log, "VERIFFS_LOG_FILE="+w.program)
	w.environment = append(w.environment, variables...)
	w.start(w.command("mount", "--background", w.point))
	return w
}

// statusNow is what the mount says of itself; nil if there is none that answers.
func (w *supervisedWorld) statusNow() *control.Status {
	out, err := w.command("status", "--json", w.point).Output()
	var all struct{ Mounts []control.Status }
	if err != nil || json.Unmarshal(out, &all) != nil || len(all.Mounts) != 1 {
		return nil
	}
	return &all.Mounts[0]
}

func (w *supervisedWorld) status() *control.Status {
	w.t.Helper()
	s := w.statusNow()
	if s == nil {
		w.t.Fatal("no mount")
	}
	return s
}

// next is the state of the process after one that died; nil if its supervisor has given up.
func (w *supervisedWorld) next(last *control.Status) (s *control.Status) {
	w.t.Helper()
	w.waitFor("another mount, or the end of the supervisor", func() bool {
		s = w.statusNow()
		if s != nil && s.PID == last.PID {
			s = nil
		}
		return s != nil || !running(last.Supervisor)
	})
	return s
}

// readThrough reads files; errors come while a process is dead, wrong bytes never. From
// taking the dead mount away to mounting the next one there are no files.
func (w *supervisedWorld) readThrough(stop *atomic.Bool) {
	for !stop.Load() {
		path := w.paths[rand.IntN(len(w.paths))]
		switch err := w.read(path); {
		case err == nil:
			w.reads.Add(1)
		case errors.Is(err, errWrong):
			w.t.Errorf("%s: %v", path, err)
			return
		default:
			if errors.Is(err, os.ErrNotExist) {
				w.absent.Add(1)
			}
			time.Sleep(5 * time.Millisecond) // not to synchronise: a dead mount answers at once
		}
	}
}

// endsWith waits until the processes of a mount are gone, and the mount with them.
func (w *supervisedWorld) endsWith(s *control.Status) {
	w.t.Helper()
	w.waitFor("the supervisor ends", func() bool { return !running(s.Supervisor) })
	w.waitFor("the mount ends", func() bool { return !running(s.PID) })
	if slices.Contains(mountpoint.All(), w.point) {
		w.t.Error("still mounted")
	}
}

func (w *supervisedWorld) logSays(text string) {
	w.t.Helper()
	if written, err := os.ReadFile(w.program); err != nil || !strings.Contains(string(written), text) {
		w.t.Errorf("the log does not say %q: %v\n%s", text, err, written)
	}
}

func (w *supervisedWorld) signal(pid int, signal syscall.Signal) {
	w.t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		w.t.Fatal(err)
	}
}

func (w *supervisedWorld) waitFor(what string, is func() bool) {
	w.t.Helper()
	for late := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			written, _ := os.ReadFile(w.program)
			w.t.Fatalf("not so in time: %s\n%s", what, written)
		}
	}
}

// running reports whether a process is there and has not ended, even if nobody has
// waited for it.
func running(pid int) bool {
	if unix.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(after, "Z")
}
