package caller

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog"
)

// thread is the files of /proc of one thread, kept open: they are of that thread
// and of no other, whoever gets its id when it has ended. One caller at a time uses
// it.
type thread struct {
	id, process uint32 // a thread stays in its process; one that executes a program gets the process's id
	dir         int    // of the thread
	cgroup      int
	session     int // of the audit system
	login       int // -1 without one, as the two above
	comm, stat  int // of the process's first thread

	uid, audited uint32 // the login's user, in this audit session
	loggedIn     bool   // these two are known

	program program // of which this is the path
	path    string

	around surroundings

	command, group text
	buffer         [4096]byte
}

// surroundingsStay is how long what others change of a process is taken to be as it
// was: to read it costs more than all the rest.
const surroundingsStay = time.Second

// surroundings is what a process does not change by itself while it runs a program.
type surroundings struct {
	of      program
	read    time.Time
	cgroup  string
	parent  uint32
	start   uint64   // which never changes
	unknown []string // of these
}

// text is a text that seldom changes, and is not made again while it is the same.
type text string

func (t *text) set(b []byte) string {
	if string(b) != string(*t) { // which copies nothing
		*t = text(b)
	}
	return string(*t)
}

func openThread(id uint32) (t *thread, err error) {
	root := fmt.Sprintf("/proc/%d", id)
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	t = &thread{id: id, dir: dir, comm: -1, stat: -1}
	t.cgroup, t.session, t.login = t.open("cgroup"), t.open("sessionid"), t.open("loginuid")
	status, err := t.whole("status")
	if err == nil {
		var process uint64
		process, err = strconv.ParseUint(field(status, "Tgid"), 10, 32)
		t.process = uint32(process)
	}
	if err != nil {
		t.close()
		return nil, fmt.Errorf("%s/status: %w", root, err)
	}
	// Those of the first thread alone: /proc/PID/stat goes through all threads.
	first := fmt.Sprintf("/proc/%d/task/%d/", t.process, t.process)
	t.comm, t.stat = openAt(unix.AT_FDCWD, first+"comm"), openAt(unix.AT_FDCWD, first+"stat")
	return t, nil
}

// open opens a file of the thread, or returns -1.
func (t *thread) open(name string) int { return openAt(t.dir, name) }

func openAt(dir int, name string) int {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

func (t *thread) close() {
	for _, fd := range []int{t.dir, t.cgroup, t.session, t.login, t.comm, t.stat} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// checks reports whether a file is kept that fails once the thread has ended.
func (t *thread) checks() bool { return t.session >= 0 || t.cgroup >= 0 }

var errNone = errors.New("there is no such file")

// read returns the content of a file that is kept open, until the next read.
func (t *thread) read(fd int) ([]byte, error) {
	if fd < 0 {
		return nil, errNone
	}
	n, err := unix.Pread(fd, t.buffer[:], 0)
	return t.buffer[:max(0, n)], err
}

// whole returns the content of a file that is not kept open, of which the buffer's
// size must be enough, until the next read.
func (t *thread) whole(name string) ([]byte, error) {
	fd := t.open(name)
	if fd < 0 {
		return nil, errNone
	}
	defer unix.Close(fd)
	return t.read(fd)
}

// describe adds to c what can be read now. alive is false if the thread has ended;
// c says nothing then.
func (t *thread) describe(c accesslog.Caller, arguments bool) (_ accesslog.Caller, alive bool) {
	c.PID = t.process
	session, err := t.read(t.session)
	if errors.Is(err, unix.ESRCH) {
		return c, false
	}
	if c.AuditID, err = number(session, err); err != nil {
		c.Unknown = append(c.Unknown, "audit_session")
	}
	if !t.readLogin(&c, err == nil) {
		c.Unknown = append(c.Unknown, "loginuid")
	}
	if command, err := t.read(t.comm); err != nil {
		c.Unknown = append(c.Unknown, "comm")
	} else {
		c.Command = t.command.set(bytes.TrimSuffix(command, []byte("\n")))
	}
	runs := program{command: c.Command}
	if t.readExecutable(&c) {
		runs = t.program
	} else {
		c.Unknown = append(c.Unknown, executableFields...)
	}
	now := time.Now()
	if t.session < 0 || t.around.of != runs || now.Sub(t.around.read) >= surroundingsStay {
		around, alive := t.look()
		if !alive {
			return c, false
		}
		around.of, around.read = runs, now
		t.around = around
	}
	c.Cgroup, c.PPID, c.Start = t.around.cgroup, t.around.parent, t.around.start
	c.Unknown = append(c.Unknown, t.around.unknown...)
	if arguments && !t.readArguments(&c) {
		c.Unknown = append(c.Unknown, "args")
	}
	return c, true
}

// readLogin reads the login's user once for each audit session: whoever sets the
// user begins a new session.
func (t *thread) readLogin(c *accesslog.Caller, inSession bool) bool {
	if !inSession || !t.loggedIn || t.audited != c.AuditID {
		uid, err := number(t.read(t.login))
		if err != nil {
			return false
		}
		t.uid, t.audited, t.loggedIn = uid, c.AuditID, inSession
	}
	c.LoginUID = t.uid
	return true
}

func number(b []byte, err error) (uint32, error) {
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 32)
	return uint32(n), err
}

// group returns the path of the unified hierarchy in the text of proc_pid_cgroup(5)
// or, where there is none, that of the first hierarchy.
func group(lines []byte) (path []byte) {
	for line := range bytes.Lines(lines) {
		hierarchy, rest, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(":"))
		_, p, ok := bytes.Cut(rest, []byte(":"))
		if unified := string(hierarchy) == "0"; ok && (unified || path == nil) {
			path = p
		}
	}
	return path
}

// look reads the surroundings. alive is false if the thread has ended.
func (t *thread) look() (a surroundings, alive bool) {
	groups, err := t.read(t.cgroup)
	if errors.Is(err, unix.ESRCH) {
		return a, false
	}
	if err != nil {
		a.unknown = append(a.unknown, "cgroup")
	} else {
		a.cgroup = t.group.set(group(groups))
	}
	stat, err := t.read(t.stat)
	if err == nil {
		a.parent, a.start, err = parseStat(stat)
	}
	if err != nil {
		a.unknown = append(a.unknown, processFields...)
	}
	return a, true
}

// parseStat reads the format of proc_pid_stat(5). The name of the program is in
// parentheses and may hold any character.
func parseStat(stat []byte) (parent uint32, start uint64, err error) {
	field := 2 // counted from 1: the name
	for value := range bytes.FieldsSeq(stat[bytes.LastIndexByte(stat, ')')+1:]) {
		switch field++; field {
		case 4:
			if parent, err = number(value, nil); err != nil {
				return 0, 0, err
			}
		case 22:
			start, err = strconv.ParseUint(string(value), 10, 64)
			return parent, start, err
		}
	}
	return 0, 0, errors.New("has too few fields")
}

// program is what tells one executable from another.
type program struct {
	device, inode uint64
	changed       unix.Timespec // also by a link, or a new name
	command       string        // of one file with several names
}

// readExecutable asks for the executable by the thread, since that of a process
// whose first thread has ended can't be read. Its path is read again if it may be
// another.
func (t *thread) readExecutable(c *accesslog.Caller) bool {
	var file unix.Stat_t
	if err := unix.Fstatat(t.dir, "exe", &file, 0); err != nil {
		return false
	}
	now := program{file.Dev, file.Ino, file.Ctim, c.Command}
	if t.path == "" || now != t.program {
		n, err := unix.Readlinkat(t.dir, "exe", t.buffer[:])
		if err != nil {
			return false
		}
		t.path, t.program = string(t.buffer[:n]), now
	}
	c.Executable, c.Device, c.Inode = t.path, now.device, now.inode
	return true
}

// readArguments joins the arguments by blanks, and ends them where the buffer does.
func (t *thread) readArguments(c *accesslog.Caller) bool {
	line, err := t.whole("cmdline")
	if err != nil {
		return false
	}
	c.Arguments = strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
	return true
}

// field returns a value of proc_pid_status(5).
func field(status []byte, name string) string {
	for line := range bytes.Lines(status) {
		if key, value, _ := bytes.Cut(line, []byte(":")); string(key) == name {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}
