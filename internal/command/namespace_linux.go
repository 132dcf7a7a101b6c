package command

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// startIn starts a program in the mount namespace of a file such as /proc/PID/ns/mnt, or
// in ours if that is "".
func startIn(namespace string, program *exec.Cmd) error {
	if namespace == "" {
		return program.Start()
	}
	fd, err := unix.Open(namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	program.Path = "/proc/self/exe" // which may have no name there
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWNS)
		}
		if err == nil {
			err = program.Start()
		}
		started <- err
	}()
	return <-started
}
