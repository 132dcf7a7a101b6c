package command_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"veriffs/internal/control"
)

func init() {
	scriptCommands["private"] = private
	scriptCommands["environ"] = environ
}

// statusOf returns the state of the mount on a mount point.
func statusOf(ts *testscript.TestScript, point string) control.Status {
	ts.Check(ts.Exec("veriffs", "status", "--json", point))
	var all struct{ Mounts []control.Status }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &all))
	return all.Mounts[0]
}

// private MOUNTPOINT fails unless the memory of the process of a mount is its own: it
// says so, the same user can't look into it, and it may write no core file. So must be
// that of the process which restarts it. With ! the user must be able to look.
func private(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, false, len(args) == 1, "[!] private MOUNTPOINT")
	status := statusOf(ts, args[0])
	if status.Memory == nil || status.Memory.Dumpable != neg {
		ts.Fatalf("the mount says of its memory: %+v", status.Memory)
	}
	memory, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", status.PID))
	ts.Check(err)
	if locked := !strings.Contains(string(memory), "VmLck:\t       0 kB"); locked != status.Memory.Locked {
		ts.Fatalf("the mount says of its memory: %+v", status.Memory)
	}
	checkPrivate(ts, neg, status.PID)
	if status.Supervisor != 0 {
		checkPrivate(ts, neg, status.Supervisor)
	}
}

func checkPrivate(ts *testscript.TestScript, neg bool, pid int) {
	proc := fmt.Sprintf("/proc/%d/", pid)
	if limits, err := os.ReadFile(proc + "limits"); err != nil || !neg && !hasLimit(string(limits), "Max core file size", "0") {
		ts.Fatalf("%v: %s", err, limits)
	}
	if os.Geteuid() == 0 {
		return // who may read everything
	}
	for _, name := range []string{"mem", "environ", "maps", "fd/0"} {
		f, err := os.Open(proc + name)
		if err == nil {
			f.Close()
		}
		if errors.Is(err, fs.ErrPermission) == neg {
			ts.Fatalf("to look into %s: %v", name, err)
		}
	}
	if neg {
		return
	}
	if err := syscall.PtraceAttach(pid); !errors.Is(err, syscall.EPERM) {
		ts.Fatalf("to attach a debugger: %v", err)
	}
}

// hasLimit reports whether a line of proc_pid_limits(5) has both limits.
func hasLimit(limits, name, value string) bool {
	for line := range strings.Lines(limits) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			fields := strings.Fields(rest)
			return len(fields) >= 2 && fields[0] == value && fields[1] == value
		}
	}
	return false
}

// environ MOUNTPOINT NAME fails unless the environment that a mount was started with
// has a variable; with ! it must not have it. Only root can look.
func environ(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, false, len(args) == 2, "[!] environ MOUNTPOINT NAME")
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", statusOf(ts, args[0]).PID))
	ts.Check(err)
	if value := ts.Getenv(args[1]); value == "" || bytes.Contains(text, []byte(value)) == neg {
		ts.Fatalf("%q, the value of %s, is in the environment: %v", value, args[1], neg)
	}
}
