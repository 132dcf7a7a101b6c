package caller_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog"
	"veriffs/internal/caller"
)

func newResolver(t *testing.T, o caller.Options) *caller.Resolver {
	r := caller.New(o)
	t.Cleanup(r.Close)
	return r
}

// run starts cat, or a copy of it, and returns it once it answers: a child that has
// not quite executed its program yet looks like this process.
func run(t testing.TB, name string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd) })
	echo(t, in, out)
	return cmd
}

func echo(t testing.TB, in io.Writer, out io.Reader) {
	t.Helper()
	line := []byte("here\n")
	if _, err := in.Write(line); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, line); err != nil {
		t.Fatal(err)
	}
}

func end(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

func resolve(r *caller.Resolver, pid int) accesslog.Caller { return r.Resolve(uint32(pid), 7, 8) }

func TestResolve(t *testing.T) {
	r := newResolver(t, caller.Options{})
	name := filepath.Join(t.TempDir(), "a) R 1 (b c") // as proc_pid_stat(5) has it around
	program, err := os.ReadFile("/bin/cat")
	if err == nil {
		err = os.WriteFile(name, program, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := run(t, name)
	for range 2 { // new, and known
		c := resolve(r, cmd.Process.Pid)
		var file unix.Stat_t
		if err := unix.Stat(name, &file); err != nil {
			t.Fatal(err)
		}
		session, _ := os.ReadFile("/proc/self/sessionid")
		login, _ := os.ReadFile("/proc/self/loginuid")
		want := accesslog.Caller{
			UID: 7, GID: 8, LoginUID: number(t, login), AuditID: number(t, session),
			TID: uint32(cmd.Process.Pid), PID: uint32(cmd.Process.Pid), PPID: uint32(os.Getpid()), Start: c.Start,
			Command: filepath.Base(name), Executable: name, Device: file.Dev, Inode: file.Ino, Cgroup: c.Cgroup,
		}
		if !slices.Equal(c.Unknown, want.Unknown) || c.Arguments != "" || !same(c, want) {
			t.Errorf("%+v\nwant %+v", c, want)
		}
		if own := caller.Self(); c.Start < own.Start || own.Start == 0 {
			t.Errorf("it began at %d, and its parent at %d", c.Start, own.Start)
		} else if c.Cgroup != own.Cgroup || !strings.HasPrefix(c.Cgroup, "/") {
			t.Errorf("in the cgroup %q, and its parent in %q", c.Cgroup, own.Cgroup)
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if c := resolve(r, cmd.Process.Pid); c.Executable != name+" (deleted)" {
		t.Errorf("without its file it is %q", c.Executable)
	}
}

func same(a, b accesslog.Caller) bool {
	a.Unknown, b.Unknown = nil, nil
	return a.UID == b.UID && a.GID == b.GID && a.LoginUID == b.LoginUID && a.AuditID == b.AuditID &&
		a.TID == b.TID && a.PID == b.PID && a.PPID == b.PPID && a.Command == b.Command &&
		a.Executable == b.Executable && a.Device == b.Device && a.Inode == b.Inode
}

func number(t *testing.T, text []byte) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

// TestThread: a thread is told by its process, also when it has another name.
func TestThread(t *testing.T) {
	r := newResolver(t, caller.Options{})
	own := caller.Self()
	look := func() {
		runtime.LockOSThread() // the thread, which gets a name here, ends with the goroutine
		name := []byte("other\x00")
		if err := unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0); err != nil {
			t.Error(err)
		}
		id := unix.Gettid()
		for range 2 {
			c := resolve(r, id)
			if c.TID != uint32(id) || id == os.Getpid() || c.PID != own.PID || c.Command != own.Command || c.Start != own.Start || c.Executable != own.Executable {
				t.Errorf("%+v\nof %+v", c, own)
			}
		}
	}
	var threads sync.WaitGroup
	threads.Go(func() {
		runtime.LockOSThread()
		if unix.Gettid() != os.Getpid() {
			look()
			return
		}
		defer runtime.UnlockOSThread()
		var other sync.WaitGroup
		other.Go(look) // this one has the first thread
		other.Wait()
	})
	threads.Wait()
}

// TestExecInPlace: a process that executes another program keeps its id and its
// start, and is told by the program that it runs now.
func TestExecInPlace(t *testing.T) {
	r := newResolver(t, caller.Options{Arguments: true})
	cmd := exec.Command("sh", "-c", `read line; echo "$line"; read line; exec cat 'a b' -`)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	defer end(cmd)
	echo(t, in, out)
	before := resolve(r, cmd.Process.Pid)
	io.WriteString(in, "go on\n")
	echo(t, in, out)
	after := resolve(r, cmd.Process.Pid)
	if before.PID != after.PID || before.Start != after.Start {
		t.Errorf("another process:\n%+v\n%+v", before, after)
	}
	if before.Command != "sh" || after.Command != "cat" || filepath.Base(after.Executable) == filepath.Base(before.Executable) || before.Inode == after.Inode {
		t.Errorf("the program:\n%+v\n%+v", before, after)
	}
	if after.Arguments != "cat a b -" || !strings.HasPrefix(before.Arguments, "sh -c read") {
		t.Errorf("arguments %q, %q", before.Arguments, after.Arguments)
	}
}

// TestOtherName: a process that has another name than a moment ago is told by it, as a
// file that is several programs is, when it executes itself.
func TestOtherName(t *testing.T) {
	r := newResolver(t, caller.Options{})
	cmd := exec.Command("sh", "-c", `read line; echo "$line"; read line; printf other >/proc/self/comm; echo "$line"; read line`)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	defer end(cmd)
	for _, want := range []string{"sh", "other"} {
		if want != "sh" {
			io.WriteString(in, "go on\n")
		}
		echo(t, in, out)
		if c := resolve(r, cmd.Process.Pid); c.Command != want {
			t.Errorf("%q, want %q", c.Command, want)
		}
	}
}

// TestIDUsedAgain: the id of a process that has ended tells nothing, and that of the
// next one with this id tells of that one.
func TestIDUsedAgain(t *testing.T) {
	r := newResolver(t, caller.Options{})
	first := run(t, "cat")
	pid := first.Process.Pid
	if c := resolve(r, pid); c.Command != "cat" {
		t.Fatalf("%+v", c)
	}
	end(first)
	if c := resolve(r, pid); c.Command != "" || c.PID != 0 || len(c.Unknown) != 10 {
		t.Errorf("gone, it is %+v", c)
	}
	other := filepath.Join(t.TempDir(), "other")
	program, err := os.ReadFile("/bin/cat")
	if err == nil {
		err = os.WriteFile(other, program, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 { // other programs take ids, too
		first := run(t, "cat")
		pid := first.Process.Pid
		resolve(r, pid)
		end(first)
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
			t.Skipf("only root chooses the next id: %v", err)
		}
		second := run(t, other)
		c := resolve(r, second.Process.Pid)
		end(second)
		if second.Process.Pid == pid {
			if c.Command != "other" || c.Executable != other || c.Start == 0 {
				t.Errorf("the second one is %+v", c)
			}
			return
		}
	}
	t.Skip("the id was not to be had again")
}

func TestOutside(t *testing.T) {
	c := newResolver(t, caller.Options{Arguments: true}).Resolve(0, 7, 8)
	want := []string{"pid", "ppid", "start", "comm", "exe", "exe_dev", "exe_ino", "cgroup", "loginuid", "audit_session", "args"}
	if c.UID != 7 || c.GID != 8 || c.PID != 0 || !slices.Equal(c.Unknown, want) {
		t.Errorf("%+v", c)
	}
}

// TestHiddenExecutable: as an ordinary user, who may not look at root's programs.
func TestHiddenExecutable(t *testing.T) {
	if os.Getenv("CALLER_OF") != "" {
		id, _ := strconv.Atoi(os.Getenv("CALLER_OF"))
		c := resolve(newResolver(t, caller.Options{}), id)
		if c.Command != "cat" || c.PID != uint32(id) || c.Executable != "" || c.Inode != 0 ||
			!slices.Equal(c.Unknown, []string{"exe", "exe_dev", "exe_ino"}) {
			t.Errorf("%+v", c)
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	cat := run(t, "cat")
	program := filepath.Join(t.TempDir(), "test")
	if err := os.Link("/proc/self/exe", program); err != nil {
		own, err := os.ReadFile("/proc/self/exe")
		if err == nil {
			err = os.WriteFile(program, own, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for dir := filepath.Dir(program); dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755)
	}
	cmd := exec.Command(program, "-test.run", "^TestHiddenExecutable$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = []string{"CALLER_OF=" + strconv.Itoa(cat.Process.Pid)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFilesKeptOpen: they are bounded, and Close closes them.
func TestFilesKeptOpen(t *testing.T) {
	count := func() (n int) {
		names, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if file, err := os.Readlink(name); err == nil && strings.HasPrefix(file, "/proc/") {
				n++
			}
		}
		return n
	}
	r := caller.New(caller.Options{})
	before := count()
	for range 70 {
		resolve(r, run(t, "cat").Process.Pid)
	}
	if n := count() - before; n < 64 || n > 64*6 {
		t.Errorf("%d files are open", n)
	}
	r.Close()
	resolve(r, os.Getpid())
	if n := count() - before; n != 0 {
		t.Errorf("after Close %d files are open", n)
	}
}

func TestConcurrentCallers(t *testing.T) {
	r := newResolver(t, caller.Options{})
	var pids []int
	for range 80 { // more than are kept
		pids = append(pids, run(t, "cat").Process.Pid)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 400 {
				pid := pids[(i*13+j*7)%len(pids)]
				if c := resolve(r, pid); c.PID != uint32(pid) || c.Command != "cat" || len(c.Unknown) > 0 {
					t.Errorf("%d: %+v", pid, c)
				}
			}
		})
	}
	all.Wait()
}
