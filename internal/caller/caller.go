// Package caller finds out which process makes a call: of the file system, whose
// requests name a thread, or of a unix socket, which names its peer.
//
// # What it promises
//
// What a [accesslog.Caller] says was so when it was asked for: everything that a
// process can change while it lives, its program above all, is read anew for each
// call. What others change, its parent and its cgroup, may be a second old while it
// runs the same program. Only the path of the program is taken to be what it was while the file, the
// time of its last change and the process's name are. A thread id that was used again is not taken for the earlier thread: what is
// kept of a thread are open files of /proc, which fail once it has ended. What could
// not be read is named in Caller.Unknown, by the name that the field has in JSON,
// and never guessed.
//
// It answers in microseconds, and waits for nobody; with Options.Arguments it may
// wait for the memory of the process that is looked at.
//
// # What it does not promise
//
// It trusts the kernel alone: the executable, its device and inode, the ids and the
// cgroup. A process chooses its name (comm) and its arguments itself. The path of
// the executable is that in the process's own mount namespace.
//
// The caller of a file system waits for the reply, so it can't have gone before. The
// peer of a socket may have: then another process may have its id by now.
//
// Other users' processes, and those that may not be traced, hide their executable
// from all but root. On macOS nothing but the ids is known.
//
// # Concurrency
//
// A [Resolver] may be used by any number of goroutines. Its one lock guards which
// threads are kept, and is held for no system call.
package caller

import (
	"log/slog"
	"os"

	"veriffs/internal/accesslog"
)

// Options is what a Resolver is made of.
type Options struct {
	// Arguments adds command lines, which may hold secrets and names of people.
	Arguments bool
	Logger    *slog.Logger // is told once if nothing can be read; nil discards
}

// Self describes this process.
func Self() accesslog.Caller {
	r := New(Options{})
	defer r.Close()
	return r.Resolve(uint32(os.Getpid()), uint32(os.Getuid()), uint32(os.Getgid()))
}

// The names of what may be unknown, as in the JSON of a Caller.
var (
	processFields    = []string{"ppid", "start"}
	executableFields = []string{"exe", "exe_dev", "exe_ino"}
	allFields        = []string{"pid", "ppid", "start", "comm", "exe", "exe_dev", "exe_ino", "cgroup", "loginuid", "audit_session"}
)

// unknown is all that is known of a caller outside of this pid namespace.
func unknown(thread, uid, gid uint32, arguments bool) accesslog.Caller {
	c := accesslog.Caller{TID: thread, UID: uid, GID: gid, Unknown: allFields}
	if arguments {
		c.Unknown = append(allFields[:len(allFields):len(allFields)], "args")
	}
	return c
}
