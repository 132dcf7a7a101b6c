package fs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"veriffs/veriff/sandbox"
)

// twoAttempts is a world in which every session has an older attempt.
var twoAttempts = sandbox.Options{Scale: sandbox.Scale{Sessions: 3, Attempts: 2, Files: 3, FileSize: 5000}}

// TestAttempts: every attempt of a session that was entered is listed, older
// ones included; any other can be entered by name.
func TestAttempts(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: twoAttempts})
	if n := w.requests(func() {
		if got := w.names("attempts"); len(got) != 0 {
			t.Errorf("attempts of sessions that nobody entered: %q", got)
		}
	}); n != 0 {
		t.Errorf("looking cost %d requests", n)
	}
	w.mustShell(`ls sessions/*`)
	var want []string
	for _, s := range w.Sessions() {
		for _, a := range s.Attempts {
			want = append(want, a.ID.String())
		}
	}
	slices.Sort(want)
	check := func() {
		t.Helper()
		eventually(t, "all attempts are listed", func() bool { return slices.Equal(w.names("attempts"), want) })
		for _, s := range w.Sessions() {
			for _, a := range s.Attempts {
				dir := w.path("attempts", a.ID.String())
				if info, err := os.Stat(dir); err != nil || !info.ModTime().Equal(a.Created) {
					t.Errorf("attempt %s: %v, of %v, want %v", a.ID, err, info.ModTime(), a.Created)
				}
				for _, f := range a.Media {
					path := filepath.Join(dir, fileName(f))
					if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, w.Bytes(f.ID)) {
						t.Errorf("%s of attempt %s: %d bytes, %v", f.ID, a.ID, len(got), err)
					}
					if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(a.Created) || info.Size() != f.Size {
						t.Errorf("%s of attempt %s: %v, %v", f.ID, a.ID, info, err)
					}
				}
				if got := w.names("attempts", a.ID.String()); len(got) != len(a.Media) {
					t.Errorf("attempt %s has %q", a.ID, got)
				}
			}
		}
		if info, err := os.Stat(w.path("attempts")); err != nil || int(info.Sys().(*syscall.Stat_t).Nlink) != 2+len(want) {
			t.Errorf("attempts: %v, %v", info, err)
		}
	}
	w.ResetRequests()
	check()
	counts := w.Requests()
	if counts.ByKind[sandbox.AttemptMedia] != len(want) || counts.Total != len(want)+3*len(want) {
		t.Errorf("entering %d attempts and reading all files cost %v", len(want), counts.ByKind)
	}
	if n := w.requests(func() { w.mustShell(`cat sessions/*/*`) }); n != 0 {
		t.Errorf("what was read in attempts/ cost %d requests in sessions/", n)
	}
	w.remount()
	if n := w.requests(check); n != 0 {
		t.Errorf("after a remount it cost %d requests", n)
	}
}

// TestUnlistedAttempt: an attempt of a session that nobody named is entered by
// name, with its date, and its session is not listed for that.
func TestUnlistedAttempt(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: twoAttempts, unlisted: true})
	a := w.Sessions()[1].Attempts[1]
	path := w.path("attempts", a.ID.String(), fileName(a.Media[0]))
	if n := w.requests(func() {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, w.Bytes(a.Media[0].ID)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.ModTime().Equal(a.Created) {
			t.Errorf("%v, %v", info, err)
		}
	}); n != 3 {
		t.Errorf("it cost %d requests: want the list, the date and the file", n)
	}
	if got := append(w.names("attempts"), w.names("sessions")...); len(got) != 0 {
		t.Errorf("listed: %q", got)
	}
	unknown := "6f1c1c55-4c35-4b9a-8c61-9e5d1b7b0a11"
	for range 2 {
		if _, err := os.Stat(w.path("attempts", unknown)); !isErrno(err, syscall.ENOENT) {
			t.Errorf("an unknown attempt: %v", err)
		}
	}
	if n := w.Requests().ByKind[sandbox.AttemptMedia]; n != 2 {
		t.Errorf("%d attempts were asked for, want one that there is and once one that there is not", n)
	}
}

// TestAttemptFaults: an attempt that could not be asked for is an error and
// not absent; one that was known serves on; one that the API says is gone
// leaves attempts/ and, with its files, the cache.
func TestAttemptFaults(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: twoAttempts, listTTL: 1})
	a := w.Sessions()[0].Attempts[1]
	w.mustShell(`ls sessions/*`)
	fault := w.Set(sandbox.Match{Kind: sandbox.AttemptMedia}, sandbox.Status(500))
	if _, err := os.ReadDir(w.path("attempts", a.ID.String())); !isErrno(err, syscall.EIO) {
		t.Errorf("an attempt that the API fails to list: %v", err)
	}
	fault.Remove()
	file := w.path("attempts", a.ID.String(), fileName(a.Media[0]))
	if _, err := os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	w.names("attempts", a.ID.String())
	fault = w.Set(sandbox.Match{Kind: sandbox.AttemptMedia}, sandbox.Status(500))
	if got := w.names("attempts", a.ID.String()); len(got) != 3 {
		t.Errorf("the last list does not serve: %q", got)
	}
	fault.Remove()

	w = newWorld(t, worldConfig{sandbox: twoAttempts})
	w.mustShell(`ls sessions/*`)
	w.Set(sandbox.Match{Kind: sandbox.AttemptMedia, ID: a.ID.String()}, sandbox.Status(404))
	if _, err := os.ReadDir(w.path("attempts", a.ID.String())); !isErrno(err, syscall.ENOENT) {
		t.Errorf("an attempt that is gone: %v", err)
	}
	eventually(t, "it is not listed", func() bool { return !slices.Contains(w.names("attempts"), a.ID.String()) })
	if out, err := w.shell(`find attempts`); err != nil {
		t.Errorf("find meets an error: %v\n%s", err, out)
	}
}
