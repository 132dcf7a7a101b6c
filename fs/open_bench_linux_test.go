package fs_test

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"veriffs/fs"
	"veriffs/internal/access"
	"veriffs/veriff/sandbox"
)

// BenchmarkOpen opens and closes a cached file by its path, as a user who is let in by
// each of the ways there are. The processor's time, of the caller and of the mount, tells
// more than the other one on a machine that has other work.
func BenchmarkOpen(b *testing.B) {
	const nobody = 12345
	for name, mount := range map[string]func(*fs.Options){
		"all":    func(*fs.Options) {},
		"budget": func(o *fs.Options) { o.OpenBudget = access.NewBudget(100_000, time.Microsecond) },
		"user":   func(o *fs.Options) { o.Readers = access.NewReaders(nobody, []uint32{owner}, nil) },
		"group":  func(o *fs.Options) { o.Readers = access.NewReaders(nobody, nil, []uint32{team}) },
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, worldConfig{sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 1, Files: 1, FileSize: 50_000}}, mount: mount})
			path, _, _ := w.one()
			done := make(chan error)
			go func() {
				runtime.LockOSThread() // and ends with the goroutine
				var err error
				groups := [...]uint32{staff, team}
				if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups)), 0); errno != 0 {
					err = errno
				}
				before := processorTime()
				for b.Loop() {
					var fd int
					if fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
						break
					}
					unix.Close(fd)
				}
				b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/op")
				done <- err
			}()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// processorTime is what this process has used of it.
func processorTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
