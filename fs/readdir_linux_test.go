package fs_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"veriffs/veriff/sandbox"
)

// TestListedInPieces: who reads a directory in pieces smaller than the kernel does, as a
// signal makes programs do, sees each name once and with its own inode. Whoever looks at
// what is listed gets attributes with the next names (READDIRPLUS), of which fewer fit
// into an answer.
func TestListedInPieces(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 200, Files: 90, FileSize: 10}}})
	for looking, looksAt := range map[string]func(n int) bool{
		"at all":        func(int) bool { return true },
		"at none":       func(int) bool { return false },
		"at some":       func(n int) bool { return n%7 == 0 },
		"at later ones": func(n int) bool { return n > 30 && n%10 == 0 },
	} {
		w.down()
		w.up()
		for _, dir := range []string{w.path("sessions"), w.path("sessions", w.SessionIDs()[0].String())} {
			listed := map[string]uint64{} // as the directory says
			check := func(name string) {
				var s syscall.Stat_t
				if err := syscall.Lstat(filepath.Join(dir, name), &s); err != nil {
					t.Errorf("looking %s: %s: %v", looking, name, err)
				} else if s.Ino != listed[name] {
					t.Errorf("looking %s: %s is inode %x, not %x", looking, name, s.Ino, listed[name])
				}
			}
			n := 0
			inPieces(t, dir, 256, func(name string, ino uint64) {
				if listed[name] != 0 {
					t.Errorf("looking %s: %s is listed twice", looking, name)
				}
				listed[name] = ino
				if n++; looksAt(n) {
					check(name)
				}
			})
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) < 90 || len(listed) != len(entries) {
				t.Errorf("looking %s: %d names of %d in %s", looking, len(listed), len(entries), dir)
			}
			for name := range listed {
				check(name)
			}
		}
	}
}

// inPieces yields the entries of a directory, read by a buffer of so many bytes.
func inPieces(t *testing.T, dir string, size int, yield func(name string, ino uint64)) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, size)
	for {
		n, err := syscall.Getdents(int(f.Fd()), buf)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		for b := buf[:n]; len(b) > 0; {
			length := binary.NativeEndian.Uint16(b[16:])
			name, _, _ := strings.Cut(string(b[19:length]), "\x00")
			if name != "." && name != ".." {
				yield(name, binary.NativeEndian.Uint64(b))
			}
			b = b[length:]
		}
	}
}
