package fs_test

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// handle is what an NFS server calls a file by: not by its name.
type handle struct {
	unix.FileHandle
	ino uint64
}

func (w *world) handle(elements ...string) handle {
	w.t.Helper()
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, w.path(elements...), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return handle{h, w.ino(elements...)}
}

func (w *world) ino(elements ...string) uint64 {
	w.t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(w.path(elements...), &stat); err != nil {
		w.t.Fatal(err)
	}
	return stat.Ino
}

// byHandle opens what a handle names, and fails the test if that is something else.
func (w *world) byHandle(h handle) error {
	w.t.Helper()
	mount, err := unix.Open(w.point, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	defer unix.Close(mount)
	fd, err := unix.OpenByHandleAt(mount, h.FileHandle, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Ino != h.ino {
		w.t.Errorf("the handle of %x opens %x, %v", h.ino, stat.Ino, err)
	}
	return nil
}

// TestHandles: a handle is good for as long as the kernel knows what it names, and stale
// in the next mount, where nobody has looked at anything. What was forgotten meanwhile: see
// TestForgetting.
func TestHandles(t *testing.T) {
	asRoot(t)
	w := newWorld(t, worldConfig{sandbox: small})
	path, _, _ := w.one()
	path, err := filepath.Rel(w.point, path)
	if err != nil {
		t.Fatal(err)
	}
	h := w.handle(path)
	if err := w.byHandle(h); err != nil {
		t.Fatal(err)
	}
	w.remount()
	if err := w.byHandle(h); !errors.Is(err, unix.ESTALE) {
		t.Errorf("the handle of the mount before: %v", err)
	}
	if h := w.handle(path); w.byHandle(h) != nil {
		t.Error("who asks by the name does not get another one")
	}
}

// TestHandlesOfTheMountBefore: the next mount counts what it shows from one, as the mount
// before did. A handle of that one is no other directory's; that of a directory which has
// the same number again opens it.
func TestHandlesOfTheMountBefore(t *testing.T) {
	asRoot(t)
	w := newWorld(t, worldConfig{sandbox: small})
	id := w.Sessions()[0].ID.String()
	trees := []string{"sessions", "by-context", "metadata"}
	for _, before := range trees {
		w.remount()
		h := w.handle(before, id)
		for _, after := range trees {
			w.remount()
			w.ino(after, id)
			var want error
			if before != after {
				want = unix.ESTALE
			}
			if err := w.byHandle(h); !errors.Is(err, want) {
				t.Errorf("%s, then %s: %v, want %v", before, after, err, want)
			}
		}
	}
}
