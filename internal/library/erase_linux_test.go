package library_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/cache"
	"veriffs/internal/warming"
)

// An erasure that could not erase what the catalog has of a session proves nothing.
func TestErasureBesideACatalogThatStays(t *testing.T) {
	h := newHouse(t, 1<<30, history())
	id := h.SessionIDs()[0]
	h.warm(warming.Options{})
	h.down() // writes the catalog
	h.openCache()
	path := h.pathOf("catalog")
	if err := h.cache.Close(); err != nil {
		t.Fatal(err)
	}
	h.up()
	h.listing(id)
	h.eventually("the catalog is written", func() bool { _, err := os.Stat(path); return err == nil })
	immutable(t, path)
	e, err := h.lib.EraseSession(context.Background(), id)
	if err == nil || e.Proven || len(e.Erased) == 0 {
		t.Errorf("proven: %v, %d objects, %v", e.Proven, len(e.Erased), err)
	}
}

// immutableFlag is FS_IMMUTABLE_FL of linux/fs.h.
const immutableFlag = 0x10

// immutable lets nobody remove a file for as long as the test lasts.
func immutable(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags|immutableFlag)
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("files can't be made immutable here:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags); err != nil {
			t.Error(err)
		}
	})
}

// pathOf removes an object and returns where it was.
func (h *house) pathOf(key cache.Key) (path string) {
	h.t.Helper()
	before := make(map[string]bool)
	walk := func(visit func(string)) {
		_ = filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				visit(path)
			}
			return err
		})
	}
	walk(func(path string) { before[path] = true })
	if err := h.cache.Remove(key); err != nil {
		h.t.Fatal(err)
	}
	walk(func(path string) { delete(before, path) })
	if len(before) != 1 {
		h.t.Fatalf("%d files went with %s", len(before), key)
	}
	for path = range before {
	}
	return path
}
