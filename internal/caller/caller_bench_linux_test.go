package caller_test

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/internal/caller"
)

// BenchmarkResolve is what the access log adds to an open for knowing who opens:
// for a thread that opened a file before, and for one that is new.
func BenchmarkResolve(b *testing.B) {
	id := uint32(run(b, "cat").Process.Pid)
	b.Run("known", func(b *testing.B) {
		r := caller.New(caller.Options{})
		defer r.Close()
		for b.Loop() {
			if c := r.Resolve(id, 0, 0); len(c.Unknown) > 0 {
				b.Fatal(c)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		r := caller.New(caller.Options{})
		r.Close() // keeps nothing
		for b.Loop() {
			if c := r.Resolve(id, 0, 0); len(c.Unknown) > 0 {
				b.Fatal(c)
			}
		}
	})
}

// BenchmarkGroups is what it costs to know a caller's supplementary groups.
func BenchmarkGroups(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	id, uid, gid := uint32(unix.Gettid()), uint32(unix.Getuid()), uint32(unix.Getgid())
	for b.Loop() {
		if _, err := caller.Groups(id, uid, gid); err != nil {
			b.Fatal(err)
		}
	}
}
