package spill

import "golang.org/x/sys/unix"

// inMemory reports whether a file system keeps its files in memory.
func inMemory(st *unix.Statfs_t) bool {
	return int64(st.Type) == unix.TMPFS_MAGIC || int64(st.Type) == unix.RAMFS_MAGIC
}
