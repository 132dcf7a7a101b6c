package fs_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// patient is a client that waits for a stalled server for longer than any test
// takes.
func patient(c *veriff.Config) {
	c.FirstByte, c.Stall, c.Patience = time.Hour, time.Hour, time.Hour
}

// openers are programs that handle signals, open the file that they are given,
// and end with a code of their own when their handler was run.
var openers = map[string]struct {
	args []string
	code int
}{
	"sh": {[]string{"sh", "-c", `trap 'exit 7' INT TERM HUP QUIT; true < "$1"`, "sh"}, 7},
	"python3": {[]string{"python3", "-c", `
import signal, sys
def told(signum, frame): sys.exit(7)
for s in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT: signal.signal(s, told)
open(sys.argv[1])`}, 7},
	"rsync": {[]string{"rsync", "--whole-file"}, 20}, // RERR_SIGNAL
}

// TestCtrlC: a program that handles a signal that asks it to end gets to its
// handler at once, though the server that it waits for says nothing.
func TestCtrlC(t *testing.T) {
	// Below nohup SIGHUP is ignored, which children inherit and no shell can change.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for name, opener := range openers {
		if _, err := exec.LookPath(name); err != nil {
			t.Logf("%s is not here", name)
			continue
		}
		for _, told := range deadly {
			if name == "rsync" && told == syscall.SIGQUIT {
				continue // which it does not handle
			}
			t.Run(name+" "+told.String(), func(t *testing.T) {
				w := newWorld(t, worldConfig{sandbox: small, client: patient})
				path, _, _ := w.one()
				w.mustShell(`ls sessions/*`)
				stalled := w.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(10))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				args := append(opener.args[1:], path)
				if name == "rsync" {
					args = append(args, t.TempDir()+"/copy")
				}
				program := exec.CommandContext(ctx, opener.args[0], args...)
				var out bytes.Buffer
				program.Stdout, program.Stderr = &out, &out
				if err := program.Start(); err != nil {
					t.Fatal(err)
				}
				if err := stalled.Wait(ctx, 1); err != nil {
					t.Fatal(err)
				}
				if err := program.Process.Signal(told); err != nil {
					t.Fatal(err)
				}
				_ = program.Wait()
				if code := program.ProcessState.ExitCode(); ctx.Err() != nil || code != opener.code {
					t.Errorf("%v while the server stalls\n%s", program.ProcessState, out.String())
				}
			})
		}
	}
}

// harmless are signals that ask nobody to end.
var harmless = []syscall.Signal{
	syscall.SIGURG, syscall.SIGCHLD, syscall.SIGWINCH, syscall.SIGALRM, syscall.SIGPROF, syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGUSR1,
}

// deadly are those that do, and that a program can block.
var deadly = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// TestHarmlessSignals: a program that handles signals, as every Go program
// does SIGURG, never sees EINTR from a slow open, readdir or stat because of
// one that does not ask it to end, or that it has blocked.
func TestHarmlessSignals(t *testing.T) {
	if path := os.Getenv("VERIFFS_TEST_OPEN"); path != "" {
		openAmongSignals(t, path)
		return
	}
	w := newWorld(t, worldConfig{sandbox: small})
	session := w.Sessions()[0]
	for i, kind := range []sandbox.Kind{sandbox.SessionMedia, sandbox.Media} { // a lookup waits, then an open
		path := w.path("sessions", session.ID.String(), fileName(session.Attempts[0].Media[i]))
		slow := w.Set(sandbox.Match{Kind: kind}, sandbox.Stall(10))
		child := exec.Command(os.Args[0], "-test.run=^TestHarmlessSignals$")
		child.Env = append(os.Environ(), "VERIFFS_TEST_OPEN="+path)
		var out bytes.Buffer
		child.Stdout, child.Stderr = &out, &out
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if err := slow.Wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			signalThreads(t, child.Process.Pid, append(harmless, deadly...))
		}
		slow.Remove()
		slow.Release()
		if err := child.Wait(); err != nil {
			t.Errorf("waiting for %s: %v\n%s", kind, err, out.String())
		}
	}
}

// openAmongSignals opens a file in a thread that blocks the deadly signals. It
// makes the system call itself: the standard library retries EINTR.
func openAmongSignals(t *testing.T, path string) {
	handled := make(chan os.Signal, 1)
	blocked := new(unix.Sigset_t)
	for _, s := range harmless {
		signal.Notify(handled, s)
	}
	for _, s := range deadly {
		signal.Notify(handled, s)
		blocked.Val[0] |= 1 << (s - 1)
	}
	runtime.LockOSThread() // and never let go: the thread ends with its mask
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, blocked, nil); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	syscall.Close(fd)
}

// signalThreads sends every thread of a process these signals.
func signalThreads(t *testing.T, pid int, signals []syscall.Signal) {
	t.Helper()
	tasks, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range signals {
			_ = unix.Tgkill(pid, tid, s) // it may have ended
		}
	}
}
