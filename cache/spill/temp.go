package spill

import (
	"os"

	"golang.org/x/sys/unix"
)

// create makes a file without a name, for about size bytes.
func (r *Room) create(size int64) (*os.File, error) {
	for _, dir := range []string{os.TempDir(), "/var/tmp"} {
		if DiskRoom(dir) < size {
			continue
		}
		if f, err := unlinked(dir); err == nil {
			return f, nil
		}
	}
	if f, err := r.own(size); err == nil {
		return f, nil
	}
	return unlinked(os.TempDir()) // in memory or nearly full, but the last resort
}

func unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "veriffs-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// DiskRoom is how many bytes are free for us on the disk of dir; -1 if it is in memory.
func DiskRoom(dir string) int64 {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil || inMemory(&st) {
		return -1
	}
	return int64(st.Bavail) * int64(st.Bsize)
}
