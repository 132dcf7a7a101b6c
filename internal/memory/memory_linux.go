package memory

import (
	"os"
	"regexp"

	"golang.org/x/sys/unix"
)

func protect() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	lock()
}

// lock keeps memory off swap if its size is not limited: under a limit the kernel would
// refuse memory at some later time, and the Go runtime would end the program. Pages are
// locked as they are first used, since the runtime maps far more than it uses.
func lock() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) != nil {
		return
	}
	trial := limit
	if trial.Cur = 0; limit.Max == unix.RLIM_INFINITY {
		trial.Cur = limit.Max
	}
	// With a limit of 0 it works only for who needs none (CAP_IPC_LOCK).
	if unix.Setrlimit(unix.RLIMIT_MEMLOCK, &trial) != nil {
		return
	}
	_ = unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
	if trial.Cur == 0 {
		_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit)
	}
}

var lockedPages = regexp.MustCompile(`(?m)^VmLck:\s+[1-9]`)

// Own is the state of this process. It is not known if the kernel does not tell.
func Own() (s State, known bool) {
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		return s, false
	}
	status, err := os.ReadFile("/proc/self/status")
	return State{Dumpable: dumpable != 0, Locked: lockedPages.Match(status)}, err == nil
}
