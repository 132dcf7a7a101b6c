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
// signal makes programs do, sees each name with its own inode.
func TestListedInPieces(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 100, Files: 3, FileSize: 100}}})
	for _, dir := range []string{w.path("sessions"), w.path("sessions", w.SessionIDs()[0].String())} {
		want := map[string]uint64{} // as the directory says
		check := func(name string) {
			var s syscall.Stat_t
			if err := syscall.Lstat(filepath.Join(dir, name), &s); err != nil {
				t.Errorf("%s: %v", name, err)
			} else if s.Ino != want[name] {
				t.Errorf("%s is inode %x, not %x", name, s.Ino, want[name])
			}
		}
		inPieces(t, dir, 256, func(name string, ino uint64) {
			want[name] = ino
			check(name) // who looks at what is listed gets the attributes with the names (READDIRPLUS)
		})
		if len(want) < 3 {
			t.Fatalf("%s has %d entries", dir, len(want))
		}
		for name := range want {
			check(name)
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
