package fs_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"veriffs/fs"
	"veriffs/internal/access"
	"veriffs/internal/accesslog"
	"veriffs/veriff/sandbox"
)

// Users and groups of the tests; none of them needs a name.
const (
	owner   = 0 // the user who runs these tests
	ann     = 23001
	mallory = 23002
	carol   = 23003
	team    = 24001
	staff   = 24002
)

// person is somebody who runs programs.
type person struct {
	uid, gid int
	groups   []int
}

// guarded is a recorded world that only some may read. Whoever else owns it, root does
// only what everybody may.
func guarded(t *testing.T, readers *access.Readers) (*world, *ledger) {
	t.Helper()
	asRoot(t, "setpriv", "unshare")
	w, l := recorded(t, worldConfig{
		sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 2, Attempts: 2, Files: 3, FileSize: 50_000}},
		mount:   func(o *fs.Options) { o.AllowOther, o.Umask, o.Readers = true, 0, readers },
	})
	w.public()
	return w, l
}

// public lets other users go to the mount.
func (w *world) public() {
	w.t.Helper()
	for dir := filepath.Dir(w.point); strings.HasPrefix(dir, os.Getenv("TMPDIR")); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (p person) setpriv() []string {
	args := []string{"setpriv", "--reuid", strconv.Itoa(p.uid), "--regid", strconv.Itoa(p.gid)}
	if len(p.groups) == 0 {
		return append(args, "--clear-groups")
	}
	return append(args, "--groups", strings.Trim(strings.ReplaceAll(fmt.Sprint(p.groups), " ", ","), "[]"))
}

// as runs a script in the mount point as somebody.
func (w *world) as(p person, script string, args ...string) (string, error) {
	command := append(p.setpriv(), "sh", "-c", `cd "$0" && { `+script+"\n}", w.point)
	cmd := exec.CommandContext(w.t.Context(), command[0], append(command[1:], args...)...)
	cmd.Dir = "/"
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if err != nil {
		err = &shellError{err, complaint.String()}
	}
	return out.String(), err
}

// TestReaders: those who are named read everything and the others nothing, whatever
// the kernel has cached of it for the former.
func TestReaders(t *testing.T) {
	w, l := guarded(t, access.NewReaders(owner, []uint32{ann}, []uint32{team}))
	session := w.Sessions()[0]
	attempt, file := session.Attempts[0], session.Attempts[0].Media[0]
	byContext := strings.Fields(w.mustShell(`ls -R . >/dev/null; ls "by-context/$1"`, session.ID.String()))[0]
	looks := []string{
		"ls sessions", "ls attempts", "ls by-context", "ls metadata",
		"ls sessions/" + session.ID.String(), "ls by-context/" + session.ID.String(), "ls metadata/" + session.ID.String(), "ls attempts/" + attempt.ID.String(),
		"stat sessions/" + session.ID.String(), "cd sessions/" + session.ID.String(),
		"stat sessions/" + session.ID.String() + "/" + fileName(file), "stat -L by-context/" + session.ID.String() + "/" + byContext,
		"readlink -e by-context/" + session.ID.String() + "/" + byContext,
	}
	opens := []string{
		"cat sessions/" + session.ID.String() + "/" + fileName(file), "cat attempts/" + attempt.ID.String() + "/" + fileName(file),
		"cat by-context/" + session.ID.String() + "/" + byContext, "cat metadata/" + session.ID.String() + "/decision.json",
		"cat sessions/../by-context/../sessions/" + session.ID.String() + "/" + fileName(file),
	}
	for name, test := range map[string]struct {
		person
		in bool
	}{
		"the owner":                {person{owner, owner, nil}, true},
		"a user":                   {person{ann, staff, nil}, true},
		"by the first group":       {person{mallory, team, nil}, true},
		"by another group":         {person{mallory, staff, []int{staff, team}}, true},
		"somebody else":            {person{mallory, staff, []int{staff}}, false},
		"with a user's id a group": {person{mallory, ann, []int{ann}}, false},
		"with a group's id":        {person{team, staff, nil}, false},
	} {
		for _, command := range append(looks, opens...) {
			// Again by somebody who may: the kernel has it all cached.
			if out, err := w.as(person{ann, staff, nil}, command+" >/dev/null"); err != nil {
				t.Fatalf("ann: %s: %v %s", command, err, out)
			}
			l.take()
			out, err := w.as(test.person, command)
			if (err == nil) != test.in || !test.in && (out != "" || !strings.Contains(strings.ToLower(err.Error()), "permission denied") && !strings.HasPrefix(command, "readlink") && !strings.HasPrefix(command, "cd ")) {
				t.Errorf("%s: %s: %v %.100q", name, command, err, out)
			}
			for _, r := range l.take() {
				if refused := r.Outcome == accesslog.Refused && r.Errno == "EACCES" && r.Operation == accesslog.OpEnter; refused == test.in {
					t.Errorf("%s: %s: %+v", name, command, r)
				}
			}
		}
		if out, err := w.as(test.person, `ls; stat -c %n sessions; df . >/dev/null; cat README.txt; stat sessions/no-id 2>&1 | grep -q "No such file"`); err != nil || !strings.Contains(out, "by-context\n") || !strings.Contains(out, "Treat copies") {
			t.Errorf("%s can't see that this is a mount: %v", name, err)
		}
	}
	if n := w.lib.Stats().Refused; n == 0 {
		t.Error("refusals are not counted")
	}
	for _, line := range w.logged.lines() {
		if strings.Contains(line, "look failed") && strings.Contains(line, `""`) {
			t.Errorf("logged without a name: %s", line)
		}
	}
}

// TestRootIsNoReader: root reads what it owns, or where it is named.
func TestRootIsNoReader(t *testing.T) {
	w, l := guarded(t, access.NewReaders(carol, nil, nil))
	path, _, content := w.one()
	if out, err := w.as(person{owner, 0, []int{0}}, `cat "$1"`, path); err == nil || out != "" {
		t.Errorf("root: %v", err)
	}
	if r := l.only(t); r.Operation != accesslog.OpEnter || r.Outcome != accesslog.Refused || r.Session != w.Sessions()[0].ID.String() || r.Caller.UID != 0 || r.Caller.Command != "cat" {
		t.Errorf("%+v of %+v", r, r.Caller)
	}
	if out, err := w.as(person{carol, staff, nil}, `cat "$1"`, path); err != nil || out != string(content) {
		t.Errorf("the owner: %v", err)
	}
}

// TestReadersByOtherWays: what was opened stays open, also for others; nothing more can
// be opened through it.
func TestReadersByOtherWays(t *testing.T) {
	w, l := guarded(t, access.NewReaders(owner, []uint32{ann}, []uint32{team}))
	path, f, content := w.one()
	dir, name := filepath.Dir(path), filepath.Base(path)
	other := w.Sessions()[0].Attempts[0].Media[1]
	w.mustShell(`ls -l "$1" >/dev/null`, dir)
	outsider := strings.Join(person{mallory, staff, nil}.setpriv(), " ")
	inherit := func(script string) (string, error) {
		l.take()
		return w.shell(`cd /; exec 3< "$1"/"$2" 4< "$1"; exec `+outsider+` sh -c "$3" "$1" "$2" "$4"`, dir, name, script, fileName(other))
	}
	// By design: a descriptor is a right of its own, as on any file system.
	if out, err := inherit(`cat <&3`); err != nil || out != string(content) {
		t.Errorf("an open file: %v", err)
	}
	mapped := exec.Command("/proc/self/exe")
	mapped.Env = append(os.Environ(), mmapFile+"="+path, mmapUser+"="+strconv.Itoa(mallory))
	if out, err := mapped.CombinedOutput(); err != nil || string(out) != fmt.Sprintf("mapped %x\n", sha256.Sum256(content)) {
		t.Errorf("a mapped file: %v\n%s", err, out)
	}
	for _, script := range []string{
		`cat /proc/self/fd/3`,            // opens it again
		`cat /proc/self/fd/4/"$1"`,       // from an open directory
		`cat /proc/self/fd/4/"$2"`,       // a file that nobody has opened
		`stat /proc/self/fd/4/"$1"`,      // whose attributes are cached
		`ls /proc/self/fd/4/`,            // opens the directory again
		`cd /proc/self/fd/4 && cat "$1"`, // stands in it
	} {
		if out, err := inherit(script); err == nil || out != "" || !strings.Contains(strings.ToLower(err.Error()), "permission denied") {
			t.Errorf("%s: %v %.100q", script, err, out)
		}
		records := l.take()
		if last := records[len(records)-1]; last.Outcome != accesslog.Refused || last.Errno != "EACCES" || last.Caller.UID != mallory {
			t.Errorf("%s: %+v of %+v", script, last, last.Caller)
		} else if opened := last.Operation == accesslog.OpOpen; opened != (script == `cat /proc/self/fd/3`) || opened && last.Media != f.ID.String() {
			t.Errorf("%s: %+v", script, last)
		}
	}
	// Another way to a directory of the mount, where there is no name to ask for above.
	out, err := exec.Command("unshare", "--mount", "sh", "-c", `mount --bind "$0" "$1" && cd / && `+outsider+` cat "$1/$2"`, dir, w.t.TempDir(), name).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("Permission denied")) {
		t.Errorf("a bind mount: %v %.100q", err, out)
	}
	// A program that gives up being somebody who may: from then on it may not.
	out2, err := w.shell(`cd "$1"; cat "$2" >/dev/null && exec `+outsider+` cat "$2"`, dir, name)
	if err == nil || out2 != "" {
		t.Errorf("after setuid: %v", err)
	}
	// sg, sudo -g: the same user with another group, and back.
	if out, err := w.as(person{mallory, team, []int{staff}}, `cat "$1"`, path); err != nil || out != string(content) {
		t.Errorf("with the group: %v", err)
	}
	if _, err := w.as(person{mallory, staff, nil}, `cat "$1"`, path); err == nil {
		t.Error("without it")
	}
}

// TestReadersInNamespaces: who is in a pid or user namespace of their own is known by
// the ids that they have outside of it.
func TestReadersInNamespaces(t *testing.T) {
	w, _ := guarded(t, access.NewReaders(owner, nil, []uint32{team}))
	path, _, content := w.one()
	w.mustShell(`cat "$1" >/dev/null`, path)
	in := func(p person, flags ...string) (string, error) {
		args := append(append([]string{"unshare", "--pid", "--fork", "--kill-child"}, flags...), p.setpriv()...)
		out, err := exec.Command(args[0], append(args[1:], "cat", path)...).Output()
		return string(out), err
	}
	if out, err := in(person{mallory, staff, []int{staff, team}}); err != nil || out != string(content) {
		t.Errorf("in a pid namespace: %v", err)
	}
	if out, err := in(person{mallory, staff, []int{staff}}); err == nil || out != "" {
		t.Errorf("in a pid namespace, somebody else: %v", err)
	}
	// root of a user namespace is who it was outside.
	for _, p := range []person{{mallory, staff, nil}, {mallory, staff, []int{staff, team}}} {
		out, err := w.as(p, `exec unshare --user --map-root-user cat "$1"`, path)
		if may := len(p.groups) > 0; may != (err == nil) || may != (out == string(content)) {
			t.Errorf("root of a user namespace, %v: %v", p.groups, err)
		}
	}
}

// TestReadersByHandle: open_by_handle_at passes no name and no directory.
func TestReadersByHandle(t *testing.T) {
	w, l := guarded(t, access.NewReaders(owner, nil, []uint32{team}))
	path, f, _ := w.one()
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
	if err != nil {
		t.Fatal(err)
	}
	mount, err := unix.Open(w.point, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(mount)
	open := func() error {
		fd, err := unix.OpenByHandleAt(mount, handle, unix.O_RDONLY|unix.O_CLOEXEC)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	if err := open(); err != nil {
		t.Fatal("the owner: ", err)
	}
	l.take()
	if err := asThread(t, mallory, open); !errors.Is(err, unix.EACCES) {
		t.Errorf("somebody who may open by handles, but not read: %v", err)
	}
	if r := l.only(t); r.Operation != accesslog.OpOpen || r.Outcome != accesslog.Refused || r.Media != f.ID.String() || r.Caller.UID != mallory {
		t.Errorf("%+v", r)
	}
}

// asThread calls f in a thread that has another user's id for files, and the right to
// open by handles.
func asThread(t *testing.T, uid int, f func() error) error {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and ends with the goroutine
		if _, _, errno := unix.RawSyscall(unix.SYS_SETFSUID, uintptr(uid), 0, 0); errno != 0 {
			done <- errno
			return
		}
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var sets [2]unix.CapUserData
		if err := unix.Capget(&header, &sets[0]); err != nil {
			done <- err
			return
		}
		sets[0].Effective |= 1 << unix.CAP_DAC_READ_SEARCH
		if _, _, errno := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets[0])), 0); errno != 0 {
			done <- errno
			return
		}
		done <- f()
	}()
	return <-done
}

// TestTurnedAwayAgain: one who tries again and again fills no log, and hides nobody.
func TestTurnedAwayAgain(t *testing.T) {
	w, l := guarded(t, access.NewReaders(owner, nil, nil))
	if _, err := w.as(person{mallory, staff, nil}, `for i in $(seq 100); do stat "$1"; done`, w.path("sessions", w.SessionIDs()[0].String())); err == nil {
		t.Error("mallory may")
	}
	_, _ = w.as(person{ann, staff, nil}, `ls sessions`)
	records := l.take()
	if n := len(records); n != 21 || records[n-1].Caller.UID != ann {
		t.Errorf("%d records, the last is %+v", n, records[n-1])
	}
	if n := w.lib.Stats().Refused; n < 101 {
		t.Errorf("%d are counted", n)
	}
	if lines := w.logged.lines("again and again"); len(lines) != 1 {
		t.Errorf("%q", lines)
	}
}
