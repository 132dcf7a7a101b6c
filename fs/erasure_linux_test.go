package fs_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// oneOf returns a session with files, the path of one of them and its bytes.
func (w *world) oneOf(t *testing.T) (session veriff.SessionID, path string, want []byte) {
	t.Helper()
	for _, s := range w.Sessions() {
		if len(s.Attempts) > 0 && len(s.Attempts[0].Media) > 1 {
			f := s.Attempts[0].Media[0]
			return s.ID, w.path("sessions", s.ID.String(), fileName(f)), w.Bytes(f.ID)
		}
	}
	t.Fatal("no session with files")
	return session, "", nil
}

// resident returns how many pages of an open file the kernel holds.
func resident(t *testing.T, f *os.File) (pages int) {
	t.Helper()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(m)
	here := make([]byte, (len(m)+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(unsafe.Pointer(&here[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for _, b := range here {
		pages += int(b & 1)
	}
	return pages
}

func TestErasureDropsPages(t *testing.T) {
	w := newWorld(t, worldConfig{})
	session, path, want := w.oneOf(t)
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("before: %v", err)
	}
	if n := w.requests(func() { w.mustShell(`cksum "$1"`, path) }); n != 0 {
		t.Fatalf("a second read cost %d requests", n)
	}
	erasure, err := w.lib.EraseSession(context.Background(), session)
	if err != nil {
		t.Fatal(err)
	}
	if len(erasure.Erased) == 0 || erasure.Remaining != 0 || erasure.Pages != "dropped" {
		t.Errorf("report: %+v", erasure)
	}
	w.ResetRequests()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("after: %v", err)
	}
	if n := w.Requests().ByKind[sandbox.Media]; n != 1 {
		t.Errorf("a read after the erasure fetched the file %d times, not once", n)
	}
}

func TestErasedFileStaysReadableWhileOpen(t *testing.T) {
	w := newWorld(t, worldConfig{})
	_, path, want := w.oneOf(t)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, 4096)
	if _, err := f.ReadAt(head, 0); err != nil || resident(t, f) == 0 {
		t.Fatalf("the kernel holds no page, so the test proves nothing: %v", err)
	}
	erasure, err := w.lib.EraseAll(context.Background(), false)
	if err != nil {
		t.Fatal(err)
	}
	if erasure.Open != 1 {
		t.Errorf("%d erased objects are said to be open, not 1", erasure.Open)
	}
	if pages := resident(t, f); pages != 0 {
		t.Errorf("the kernel holds %d pages of an erased file", pages)
	}
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the open file: %d bytes of %d, %v", len(got), len(want), err)
	}
}

// TestClosingDropsErasedPages: what was read of a media file or a document after
// its erasure leaves the kernel when somebody closes it.
func TestClosingDropsErasedPages(t *testing.T) {
	w := newWorld(t, worldConfig{})
	session, path, _ := w.oneOf(t)
	for _, path := range []string{path, w.path("metadata", session.String(), "media.json")} {
		open := func() *os.File {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			return f
		}
		reader, other := open(), open()
		if _, err := w.lib.EraseAll(context.Background(), false); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(reader); err != nil || resident(t, other) == 0 {
			t.Fatalf("%s: the kernel holds no page, so the test proves nothing: %v", path, err)
		}
		reader.Close()
		eventually(t, "the kernel drops the pages of "+path, func() bool { return resident(t, other) == 0 })
	}
}

func TestEraseAllLeavesNothing(t *testing.T) {
	w := newWorld(t, worldConfig{})
	w.mustShell(`find . -type f -exec cksum {} +`)
	if w.cache.Stats().Objects == 0 {
		t.Fatal("nothing is cached, so the test proves nothing")
	}
	erasure, err := w.lib.EraseAll(context.Background(), false)
	if err != nil {
		t.Fatal(err)
	}
	if n := w.cache.Stats().Objects; n != 0 || len(erasure.Erased) == 0 {
		t.Errorf("%d objects left, %d erased", n, len(erasure.Erased))
	}
	for path, want := range w.files() {
		if got, err := os.ReadFile(w.path(path)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("after the erasure, %s: %v", path, err)
		}
	}
}

// What the API no longer has leaves the cache and the kernel.
func TestGoneFromTheAPI(t *testing.T) {
	w := newWorld(t, worldConfig{})
	session, path, want := w.oneOf(t)
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Fatal(err)
	}
	w.DeleteSession(session)
	w.lib.ForgetListing(session)
	if _, err := os.ReadDir(w.path("sessions", session.String())); !os.IsNotExist(err) {
		t.Fatalf("the directory of a deleted session: %v", err)
	}
	if _, err := os.ReadFile(path); !os.IsNotExist(err) {
		t.Errorf("a file of a deleted session: %v", err)
	}
	ids, _ := w.lib.Sessions()
	if slices.Contains(ids, session) {
		t.Error("the session is still listed")
	}
}
