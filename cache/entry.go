package cache

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"veriffs/cache/seal"
)

// entry is what the index remembers of an object's file.
type entry struct {
	size   int64  // bytes on disk
	ino    uint64 // of the file, to tell it from its successor
	stored int64  // Unix seconds; a hint, the sealed header decides
	used   int64  // Unix seconds of the last use, as the disk has it
	secret uint8  // in whose directory it is
}

// found is an object and its entry.
type found struct {
	seal.Name
	entry
}

// stat returns what the index keeps of an open file, and the file's size.
func (st *store) stat(f *os.File, si uint8) (e entry, size int64, err error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return e, 0, fmt.Errorf("stat object: %w", err)
	}
	if !isKind(&s, unix.S_IFREG) {
		return e, 0, errNotFile
	}
	return st.entryOf(&s, si), s.Size, nil
}

func (st *store) entryOf(s *unix.Stat_t, si uint8) entry {
	return entry{
		size:   st.dir.OnDisk(s.Size, s.Blocks),
		ino:    s.Ino,
		stored: int64(s.Mtim.Sec),
		used:   int64(s.Atim.Sec),
		secret: si,
	}
}

func isKind(s *unix.Stat_t, kind int) bool { return int(s.Mode)&unix.S_IFMT == kind }

func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}
