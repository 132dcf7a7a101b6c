//go:build !linux

package logfile

import (
	"os"
)

// dataSync makes a file durable.
func dataSync(f *os.File) error { return f.Sync() }
