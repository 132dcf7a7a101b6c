package caller_test

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"veriffs/internal/caller"
)

// TestGroups: a thread's groups of this moment, and none if the ids are not the
// thread's: then it acts for somebody else.
func TestGroups(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can change its groups")
	}
	set := func(number uintptr, args ...uintptr) {
		args = append(args, 0, 0, 0)
		if _, _, errno := unix.RawSyscall(number, args[0], args[1], args[2]); errno != 0 && number != unix.SYS_SETFSUID {
			t.Error(errno)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and ends with the goroutine
		id := uint32(unix.Gettid())
		for _, groups := range [][]uint32{{7, 8}, {}, {4294967294}} {
			set(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))))
			if got, err := caller.Groups(id, 0, 0); err != nil || !slices.Equal(got, groups) {
				t.Errorf("%v, %v, not %v", got, err, groups)
			}
		}
		for _, ids := range [][2]uint32{{1, 0}, {0, 1}, {4294967295, 0}} {
			if got, err := caller.Groups(id, ids[0], ids[1]); err == nil || got != nil {
				t.Errorf("for %v: %v", ids, got)
			}
		}
		set(unix.SYS_SETFSUID, 23001)
		if _, err := caller.Groups(id, 0, 0); err == nil {
			t.Error("by the real id, when another is in use for files")
		}
		if _, err := caller.Groups(id, 23001, 0); err != nil {
			t.Error(err)
		}
	}()
	<-done
}

// TestGroupsUnknown: no thread has groups that is not known or has ended.
func TestGroupsUnknown(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []uint32{0, uint32(cmd.Process.Pid), 4294967295} {
		if got, err := caller.Groups(id, 0, 0); err == nil || got != nil {
			t.Errorf("%d: %v", id, got)
		}
	}
}
