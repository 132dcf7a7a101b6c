package spill

import (
	"context"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFilesGoToADisk puts the system's temporary directory in memory: files go to
// another disk or to own, and to memory only if there is neither.
func TestFilesGoToADisk(t *testing.T) {
	disk := t.TempDir()
	memory, err := os.MkdirTemp("/dev/shm", "veriffs-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(memory) })
	var st unix.Statfs_t
	if err := unix.Statfs(memory, &st); err != nil || !inMemory(&st) {
		t.Fatalf("/dev/shm is not in memory, %v", err)
	}
	t.Setenv("TMPDIR", memory)
	for name, own := range map[string]func(int64) (*os.File, error){
		"a disk":      func(int64) (*os.File, error) { return unlinked(disk) },
		"no own disk": func(int64) (*os.File, error) { return nil, errors.New("none") },
	} {
		r := NewRoom(context.Background(), 1<<50, own)
		wantDisk := DiskRoom("/var/tmp") > maxMemory || name == "a disk" && DiskRoom(disk) >= 0
		for _, tooLarge := range []bool{false, true} { // for every disk, but for own
			f := r.New(-1)
			if tooLarge {
				f.size = 1 << 45
				wantDisk = name == "a disk" && DiskRoom(disk) >= 0
			}
			if _, err := f.WriteAt(make([]byte, maxMemory+1), 0); err != nil {
				t.Fatal(err)
			}
			if err := unix.Fstatfs(int(f.file.Fd()), &st); err != nil || inMemory(&st) == wantDisk {
				t.Errorf("%s, too large %v: in memory %v, %v", name, tooLarge, inMemory(&st), err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			if memory, files := r.Used(); memory != 0 || files != 0 {
				t.Errorf("%d and %d bytes are still taken", memory, files)
			}
		}
		if names, _ := os.ReadDir(memory); len(names) != 0 {
			t.Errorf("named files in the temporary directory: %v", names)
		}
	}
}
