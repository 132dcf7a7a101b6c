//go:build !linux

package spill

import "golang.org/x/sys/unix"

// inMemory is false: elsewhere the temporary directory is on a disk.
func inMemory(*unix.Statfs_t) bool { return false }
