package fs_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"veriffs/veriff/sandbox"
)

// TestOneFetch: sixty-four readers of one cold file are one request.
func TestOneFetch(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	path, f, content := w.one()
	stalled := w.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(10_000))
	var readers sync.WaitGroup
	for range 64 {
		readers.Go(func() {
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	if err := stalled.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	stalled.Release()
	readers.Wait()
	if n := w.Requests().ByPath["/v1/media/"+f.ID.String()]; n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestInterruptedReader: Ctrl-C ends one reader at once and fails no other.
func TestInterruptedReader(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small, client: patient})
	path, f, content := w.one()
	w.mustShell(`ls -l sessions/*`)
	stalled := w.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(10_000))
	victim := exec.Command("cat", path)
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	if err := stalled.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		got, err := os.ReadFile(path)
		if err == nil && !bytes.Equal(got, content) {
			err = os.ErrInvalid
		}
		done <- err
	}()
	if err := victim.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := victim.Wait() // while the body still stalls
	if status, ok := victim.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGINT {
		t.Errorf("the interrupted cat: %v", err)
	}
	stalled.Release()
	if err := <-done; err != nil {
		t.Errorf("the other reader: %v", err)
	}
	if n := w.Requests().ByPath["/v1/media/"+f.ID.String()]; n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestKilledWaiters: kill -9 ends a process that waits for a listing.
func TestKilledWaiters(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small, client: patient})
	stalled := w.Set(sandbox.Match{Kind: sandbox.SessionMedia}, sandbox.Stall(10))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	victim := exec.CommandContext(ctx, "ls", w.path("sessions", w.SessionIDs()[0].String()))
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	if err := stalled.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait() // the test is that it returns while the body stalls
	if ctx.Err() != nil {
		t.Error("the killed process waited for the network")
	}
}

// TestDirectoryHandles: a directory that is read in pieces, rewound and
// sought is of one moment, whatever happens meanwhile.
func TestDirectoryHandles(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 500, Files: 1, FileSize: 10}}})
	d, err := os.Open(w.path("sessions"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	first, err := d.Readdirnames(100)
	if err != nil || len(first) != 100 {
		t.Fatal(len(first), err)
	}
	w.list(w.SessionIDs()[:10]...)
	rest, err := d.Readdirnames(-1)
	if err != nil || len(first)+len(rest) != 500 {
		t.Errorf("%d and %d entries, %v", len(first), len(rest), err)
	}
	if _, err := d.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	again, err := d.Readdirnames(-1)
	if err != nil || strings.Join(again, "/") != strings.Join(append(first, rest...), "/") {
		t.Errorf("after a rewind %d entries, %v", len(again), err)
	}
	eventually(t, "a new listing shows ten", func() bool {
		entries, err := os.ReadDir(w.path("sessions"))
		return err == nil && len(entries) == 10
	})
}

// TestNewAttempt: a new attempt replaces the listing; an open file stays.
func TestNewAttempt(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small, listTTL: 1})
	path, _, content := w.one()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	session := w.Sessions()[0]
	fresh := []byte("new content")
	attempt, ok := w.AddAttempt(session.ID, sandbox.Attempt{
		Status: "approved", Created: session.Attempts[0].Created.Add(time.Hour),
		Media: []sandbox.File{sandbox.NewFile("face", "image/png", fresh)},
	})
	if !ok {
		t.Fatal("no attempt was added")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != fileName(attempt.Media[0]) {
		t.Fatalf("%v, %v", entries, err)
	}
	if got, err := os.ReadFile(filepath.Join(filepath.Dir(path), entries[0].Name())); err != nil || !bytes.Equal(got, fresh) {
		t.Errorf("the new file: %q, %v", got, err)
	}
	got := make([]byte, len(content))
	if n, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the open file: %d bytes, %v", n, err)
	}
	eventually(t, "the old name is gone", func() bool {
		_, err := os.Stat(path)
		return isErrno(err, syscall.ENOENT)
	})
	eventually(t, "the session shows the new date", func() bool {
		info, err := os.Stat(filepath.Dir(path))
		return err == nil && info.ModTime().Equal(attempt.Created)
	})
}

// TestRemovedSession: a session that leaves the list leaves the tree, and
// what is open in it stays readable.
func TestRemovedSession(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	path, _, content := w.one()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	removed, stays := w.Sessions()[0].ID, w.Sessions()[1].ID
	w.list(stays)
	eventually(t, "the session is not listed", func() bool {
		entries, err := os.ReadDir(w.path("sessions"))
		return err == nil && len(entries) == 1 && entries[0].Name() == stays.String()
	})
	got := make([]byte, len(content))
	if n, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the open file: %d bytes, %v", n, err)
	}
	w.list(removed, stays)
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, content) {
		t.Errorf("after it came back: %d bytes, %v", len(again), err)
	}
}
