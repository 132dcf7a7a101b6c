//go:build !linux

package directory

import "os"

// OpenFile opens a file below the directory and follows no link out of it.
func (d *Directory) OpenFile(path string, flags int, perm os.FileMode) (*os.File, error) {
	return d.Root.OpenFile(path, flags, perm)
}

// OpenRead is OpenFile for a file that is only read.
func (d *Directory) OpenRead(path string, flags int) (*File, error) { return d.openSlowly(path, flags) }
