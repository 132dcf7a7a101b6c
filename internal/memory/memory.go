// Package memory keeps what this process has in memory, secrets among it, out of
// core files, away from other programs and, where that is allowed, off swap. It also
// returns memory that is not in use: see [ReturnWhenQuiet].
//
// # What it promises
//
// After [Protect] on Linux, a crash writes no core file, and only root (or who has
// CAP_SYS_PTRACE) can read the process: its memory, its environment, its open files.
// Where the limit on locked memory is or can be lifted, nothing of it is swapped.
// [Own] says what holds, in the kernel's words.
//
// # What it does not promise
//
// It does not find single secrets: a Go program copies them as it pleases, so all of
// its memory is locked or nothing. A hibernation image has locked memory too, and so
// has a snapshot of a virtual machine. Protection does not outlast exec: each program
// protects itself. On macOS only core files are prevented.
//
// # Concurrency
//
// Everything may be called from any number of goroutines.
package memory

import (
	"os"

	"golang.org/x/sys/unix"
)

// DebugVariable is the environment variable that, if set to anything, leaves the
// process open to debuggers and profilers of the same user.
const DebugVariable = "VERIFFS_ALLOW_DEBUGGER"

// State is what holds for the memory of a process.
type State struct {
	Dumpable bool `json:"dumpable"` // the same user's programs can read it, and a crash can write it to a core file
	Locked   bool `json:"locked"`   // it is not swapped
}

// NoCore keeps this process and those that it starts from writing core files. Some
// systems pass cores to a program whatever the limit says; see [Protect].
func NoCore() {
	if !debugged() {
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // lowering is always allowed
	}
}

// Protect keeps the memory of this process to itself, as far as the system lets it.
// Call it before a secret is read. What is refused, for example by a container, is no
// reason not to start; [Own] tells.
func Protect() {
	if !debugged() {
		NoCore()
		protect()
	}
}

func debugged() bool { return os.Getenv(DebugVariable) != "" }
