package memory_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/internal/memory"
)

// childVariable makes this binary protect itself, use some memory, and say what holds.
const childVariable = "MEMORY_CHILD"

type report struct {
	memory.State
	Core unix.Rlimit
	Lock unix.Rlimit
}

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	memory.Protect()
	used := make([]byte, 64<<20) // more than an ordinary limit on locked memory
	for i := 0; i < len(used); i += os.Getpagesize() {
		used[i] = 1
	}
	var r report
	var known bool
	if r.State, known = memory.Own(); !known {
		os.Exit(1)
	}
	unix.Getrlimit(unix.RLIMIT_CORE, &r.Core)
	unix.Getrlimit(unix.RLIMIT_MEMLOCK, &r.Lock)
	json.NewEncoder(os.Stdout).Encode(r)
}

// protected runs a child as this user, or as one without any rights.
func protected(t *testing.T, ordinary bool, environment ...string) (r report) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), append(environment, childVariable+"=1")...)
	cmd.Stderr = os.Stderr
	if ordinary && os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestProtect(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	for name, ordinary := range map[string]bool{"this user": false, "an ordinary user": true} {
		r := protected(t, ordinary)
		if r.Dumpable || r.Core != (unix.Rlimit{}) {
			t.Errorf("%s: %+v", name, r)
		}
		if may := limit.Max == unix.RLIM_INFINITY || !ordinary && mayLock(t); r.Locked != may {
			t.Errorf("%s: may lock memory: %v; %+v", name, may, r)
		}
		if limit.Max != unix.RLIM_INFINITY && r.Lock != limit {
			t.Errorf("%s: the limit on locked memory was %v and became %v", name, limit, r.Lock)
		}
	}
}

// mayLock reports whether this process has CAP_IPC_LOCK.
func mayLock(t *testing.T) bool {
	t.Helper()
	header, data := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	return data[0].Effective&(1<<unix.CAP_IPC_LOCK) != 0
}

func TestAllowDebugger(t *testing.T) {
	if r := protected(t, false, memory.DebugVariable+"=1"); !r.Dumpable || r.Locked {
		t.Errorf("%+v", r)
	}
}
