package logfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// dataSync makes a file's bytes and size durable.
func dataSync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
