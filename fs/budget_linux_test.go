package fs_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/fs"
	"veriffs/internal/access"
	"veriffs/internal/accesslog"
	"veriffs/veriff/sandbox"
)

// budgeted is a recorded world in which each user may open so many files in an hour.
func budgeted(t *testing.T, most int) (*world, *ledger) {
	t.Helper()
	w, l := recorded(t, worldConfig{
		sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 2, Files: 9, FileSize: 20_000}}, noReadAhead: true,
		mount: func(o *fs.Options) {
			o.AllowOther, o.Umask, o.OpenBudget = os.Getuid() == 0, 0, access.NewBudget(most, time.Hour)
		},
	})
	return w, l
}

// TestOpenBudget: each open counts, also of what is cached; looking does not, nor does
// reading on, nor a document. What is refused is recorded, and logged once.
func TestOpenBudget(t *testing.T) {
	w, l := budgeted(t, 4)
	id := w.SessionIDs()[0].String()
	w.mustShell(`ls -lR . >/dev/null; cat README.txt metadata/*/decision.json >/dev/null; cd "sessions/$1"; stat * >/dev/null
		exec 3< "$2"; cat <&3 >/dev/null; cat <&3 >/dev/null; cat "$2" >/dev/null; cat "../../by-context/$1"/face.* >/dev/null`, id, fileName(w.Sessions()[0].Attempts[0].Media[0]))
	opens := 0
	for _, r := range l.take() {
		if r.Media != "" && r.Outcome == accesslog.Success {
			opens++
		}
	}
	if opens != 3 {
		t.Fatalf("%d opens so far", opens)
	}
	open := func(path string) error {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	requests := w.Requests().Total
	failed := 0
	for name := range w.files() {
		if err := open(w.path(name)); err == unix.EDQUOT {
			failed++
		} else if err != nil {
			t.Error(err)
		}
	}
	if all := len(w.files()); failed != all-1 {
		t.Errorf("%d of %d fail", failed, all)
	}
	refused := 0
	for _, r := range l.take() {
		if r.Outcome == accesslog.Refused && r.Errno == "EDQUOT" && r.Operation == accesslog.OpOpen && r.Media != "" && r.Caller != nil && r.From == "" {
			refused++
		}
	}
	if s := w.lib.Stats(); refused != failed || s.Refused != int64(failed) || s.Failed != 0 {
		t.Errorf("%d fail, %d are recorded, the counts are %+v", failed, refused, s)
	}
	if n := w.Requests().Total - requests; n > 1 {
		t.Errorf("%d requests", n)
	}
	if lines := w.logged.lines(); len(lines) != 1 || !strings.Contains(lines[0], "--open-budget") {
		t.Errorf("%q", lines)
	}
	if err := open(w.path("metadata", id, "decision.json")); err != nil {
		t.Errorf("a document: %v", err)
	}
}

// TestOpenBudgetOfEachUser: the budget is the user's, whatever processes and groups it
// has, and nobody else's. Side by side, no more is opened than it allows.
func TestOpenBudgetOfEachUser(t *testing.T) {
	asRoot(t, "setpriv")
	w, l := budgeted(t, 10)
	w.public()
	path, _, _ := w.one()
	var wait sync.WaitGroup
	for i := range 6 {
		wait.Go(func() {
			_, _ = w.as(person{mallory, staff, []int{i, team}}, `for i in 1 2 3 4; do cat "$1"; done >/dev/null`, path)
		})
	}
	wait.Wait()
	opened := make(map[accesslog.Outcome]int)
	for _, r := range l.take() {
		opened[r.Outcome]++
	}
	if opened[accesslog.Success] != 10 || opened[accesslog.Refused] != 14 {
		t.Errorf("%v", opened)
	}
	if _, err := w.as(person{ann, staff, nil}, `cat "$1" >/dev/null`, path); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}
