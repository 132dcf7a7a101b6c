package cache

import (
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// stat returns what the index keeps of an open file, and its version.
func stat(d *directory.Directory, fd int, si uint8) (e index.Entry, v seal.Version, err error) {
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return e, v, fmt.Errorf("stat object: %w", err)
	}
	if !isKind(&s, unix.S_IFREG) {
		return e, v, errNotFile
	}
	return entryOf(d, &s, si), seal.Version{Inode: s.Ino, Size: s.Size, Changed: s.Ctim.Nano()}, nil
}

func entryOf(d *directory.Directory, s *unix.Stat_t, si uint8) index.Entry {
	return index.Entry{
		Size:   d.OnDisk(s.Size, s.Blocks),
		Inode:  s.Ino,
		Stored: int64(s.Mtim.Sec),
		Used:   int64(s.Atim.Sec),
		Secret: si,
	}
}

func isKind(s *unix.Stat_t, kind int) bool { return int(s.Mode)&unix.S_IFMT == kind }

func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}
