package caller_test

import (
	"os/exec"
	"testing"

	"veriffs/internal/caller"
)

// BenchmarkResolve is what the access log adds to an open for knowing who opens:
// for a thread that opened a file before, and for one that is new.
func BenchmarkResolve(b *testing.B) {
	sleep := exec.Command("sleep", "1000")
	if err := sleep.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		sleep.Process.Kill()
		sleep.Wait()
	})
	id := uint32(sleep.Process.Pid)
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
