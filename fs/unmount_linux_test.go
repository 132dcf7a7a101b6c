package fs_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/veriff/sandbox"
)

// TestEndOfMount: whoever waits when a mount ends, or still uses it, gets
// ENOTCONN. It would be wrong to say that a file is absent, or to return EINTR
// without a signal.
func TestEndOfMount(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small, client: patient})
	path, _, _ := w.one()
	other := w.Sessions()[1].ID.String()
	w.mustShell(`ls "$1"`, filepath.Dir(path))
	root, err := unix.Open(w.point, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)
	ask := func(name string) {
		// The system call itself: the standard library retries EINTR.
		fd, err := unix.Openat(root, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		if err != syscall.ENOTCONN {
			t.Errorf("%s: %v", name, err)
		}
	}
	stalled := w.Set(sandbox.Match{}, sandbox.Stall(10))
	var waiting sync.WaitGroup
	for _, name := range []string{
		strings.TrimPrefix(path, w.point+"/"), "sessions/" + other, "by-context/" + other + "/face.jpg",
		"attempts/11111111-1111-4111-8111-111111111111", "sessions/11111111-1111-4111-8111-111111111111",
	} {
		waiting.Go(func() { ask(name) })
	}
	if err := stalled.Wait(t.Context(), 5); err != nil { // the listing is shared, and is two requests
		t.Fatal(err)
	}

	busy, err := w.mount.Unmount()
	if err != nil || busy == nil {
		t.Fatalf("%v, %v", busy, err)
	}
	w.lib.Close()
	waiting.Wait()
	for _, name := range []string{"sessions/" + other, "attempts/" + other, "metadata/" + other + "/decision.json", "by-context/" + other} {
		ask(name)
	}
	if _, err := os.ReadDir(w.point); err != nil {
		t.Errorf("the mount point: %v", err)
	}
}
