//go:build !linux

package cache

import "os"

// openFile opens a file below the directory, following no link out of it.
func (d *directory) openFile(path string, flags int, perm os.FileMode) (*os.File, error) {
	return d.root.OpenFile(path, flags, perm)
}
