package fs_test

import (
	"syscall"
	"testing"

	"veriffs/veriff/sandbox"
)

// TestDF: the room that a file manager shows is that of the cache.
func TestDF(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	var before, after syscall.Statfs_t
	if err := syscall.Statfs(w.point, &before); err != nil {
		t.Fatal(err)
	}
	if total := int64(before.Blocks) * before.Bsize; total != 1<<30 {
		t.Errorf("%d bytes in all, not the cache's limit", total)
	}
	w.mustShell(`cat sessions/*/* >/dev/null`)
	if n := w.requests(func() {
		if err := syscall.Statfs(w.point, &after); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("statfs cost %d requests", n)
	}
	if used := int64(before.Bfree-after.Bfree) * after.Bsize; used < 6*100_000 {
		t.Errorf("%d bytes are used after 600,000 were read", used)
	}
}

// TestReadAheadOff: nothing is fetched that nobody opened.
func TestReadAheadOff(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: manySessions, noReadAhead: true})
	w.mustShell(`cd sessions && for s in $(ls | head -4); do cat $(ls -d $s/* | head -8); done >/dev/null`)
	w.settle()
	if n := w.Requests().ByKind[sandbox.Media]; n != 32 {
		t.Errorf("%d files were fetched, 32 were opened", n)
	}
	if n := w.Requests().ByKind[sandbox.SessionMedia]; n != 4 {
		t.Errorf("%d sessions were listed, 4 were entered", n)
	}
}
