package fs_test

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"veriffs/veriff/sandbox"
)

// TestMetadata: what the API answers, verbatim; looking costs nothing,
// entering five requests, once.
func TestMetadata(t *testing.T) {
	w := newWorld(t, worldConfig{})
	undecided := w.AddSession(sandbox.Session{Person: sandbox.Person{LastName: "Undecided"}, Attempts: []sandbox.Attempt{{Created: time.UnixMilli(1_770_000_000_000), Media: []sandbox.File{contextFile(1, "face")}}}})
	w.list(w.SessionIDs()...)
	sessions := w.Sessions()
	impersonal := sessions[1].ID
	w.Set(sandbox.Match{Kind: sandbox.PersonData, ID: impersonal.String()}, sandbox.Status(404))
	kinds := map[string]sandbox.Kind{
		"attempts.json": sandbox.SessionAttempts, "decision.json": sandbox.Decision, "media.json": sandbox.SessionMedia,
		"person.json": sandbox.PersonData, "watchlist-screening.json": sandbox.Watchlist,
	}
	if n := w.requests(func() { w.mustShell(`ls -l metadata; find . -maxdepth 2 -ls`) }); n != 0 {
		t.Errorf("looking cost %d requests", n)
	}
	check := func() {
		t.Helper()
		for _, s := range sessions {
			want := slices.Sorted(maps.Keys(kinds))
			if s.ID == impersonal || s.Person == (sandbox.Person{}) {
				want = slices.DeleteFunc(want, func(name string) bool { return name == "person.json" })
				if _, err := os.Stat(w.path("metadata", s.ID.String(), "person.json")); !isErrno(err, syscall.ENOENT) {
					t.Errorf("a document that the API says is not there: %v", err)
				}
			}
			if got := w.names("metadata", s.ID.String()); !slices.Equal(got, want) {
				t.Errorf("metadata/%s has %q, want %q", s.ID, got, want)
			}
			for _, name := range want {
				path := w.path("metadata", s.ID.String(), name)
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				body := w.Document(kinds[name], s.ID)
				if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, body) || info.Size() != int64(len(body)) {
					t.Errorf("%s of %s: %v\n%s\n%d bytes by stat, want\n%s", name, s.ID, err, got, info.Size(), body)
				}
				if st := info.Sys().(*syscall.Stat_t); st.Mode != syscall.S_IFREG|0o400 || st.Nlink != 1 {
					t.Errorf("%s: %+v", name, st)
				}
				if age := time.Since(info.ModTime()); age < 0 || age > time.Minute {
					t.Errorf("%s was received %v ago", name, age)
				}
			}
		}
	}
	if n := w.requests(check); n != 5*len(sessions) {
		t.Errorf("entering %d sessions cost %d requests: %v", len(sessions), n, w.Requests().ByKind)
	}
	if n := w.requests(check); n != 0 {
		t.Errorf("entering again cost %d requests", n)
	}
	if n := w.requests(func() { w.mustShell(`ls sessions/* by-context/*`) }); n != 0 {
		t.Errorf("the lists of what was entered in metadata/ cost %d requests in sessions/", n)
	}
	if got, err := os.ReadFile(w.path("metadata", undecided.ID.String(), "decision.json")); err != nil || !bytes.Contains(got, []byte(`"verification":null`)) {
		t.Errorf("a session without a decision: %s, %v", got, err)
	}
	hits := strings.Fields(w.mustShell(`grep -rl declined metadata/`))
	for _, s := range sessions {
		path := "metadata/" + s.ID.String() + "/decision.json"
		if slices.Contains(hits, path) != (s.Status == "declined") {
			t.Errorf("grep -r declined: %s, which is %q, in %q", path, s.Status, hits)
		}
	}
	list := w.mustShell(`find metadata -printf '%p %i %s %T@\n'`)
	w.remount()
	if n := w.requests(func() {
		check()
		if again := w.mustShell(`find metadata -printf '%p %i %s %T@\n'`); again != list {
			t.Errorf("after a remount:\n%s\nwas\n%s", again, list)
		}
	}); n != 0 {
		t.Errorf("after a remount it cost %d requests", n)
	}
}

// TestMetadataChanges: a decision changes, and shows so in content, size and
// time; what has not changed keeps its time.
func TestMetadataChanges(t *testing.T) {
	w := newWorld(t, worldConfig{listTTL: 1})
	s := w.Sessions()[0]
	path := w.path("metadata", s.ID.String(), "decision.json")
	look := func() (string, time.Time) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Size() != int64(len(got)) {
			t.Errorf("%d bytes, by stat %d, %v", len(got), info.Size(), err)
		}
		return string(got), info.ModTime()
	}
	body, received := look()
	if again, time := look(); again != body || !time.Equal(received) {
		t.Errorf("asked again, unchanged: of %v, was of %v", time, received)
	}
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	s.Status = "resubmission_requested"
	w.AddSession(s)
	changed, later := look()
	if want := string(w.Document(sandbox.Decision, s.ID)); changed != want || changed == body || !later.After(received) {
		t.Errorf("after the decision changed:\n%s\nof %v, want\n%s\nafter %v", changed, later, want, received)
	}
	w.Set(sandbox.Match{Kind: sandbox.Decision}, sandbox.Status(404))
	if _, err := os.ReadFile(path); !isErrno(err, syscall.ENOENT) {
		t.Errorf("after it went: %v", err)
	}
	eventually(t, "it is not listed", func() bool { return !slices.Contains(w.names("metadata", s.ID.String()), "decision.json") })
	w.ClearFaults()
	eventually(t, "it is listed again", func() bool { return slices.Contains(w.names("metadata", s.ID.String()), "decision.json") })
}

// TestMetadataFaults: a document that could not be asked for is neither absent
// nor in the way of the others; the last one serves when there is one.
func TestMetadataFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		effect sandbox.Effect
		errno  syscall.Errno
	}{
		"server error": {sandbox.Status(500), syscall.EIO},
		"forbidden":    {sandbox.Status(403), syscall.EACCES},
		"unsigned":     {sandbox.Unsigned(), syscall.EIO},
		"flipped":      {sandbox.FlipByte(3), syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: small})
			id := w.SessionIDs()[0]
			w.Set(sandbox.Match{Kind: sandbox.Watchlist}, fault.effect)
			if got := w.names("metadata", id.String()); len(got) != 5 {
				t.Errorf("listed: %q", got)
			}
			if _, err := os.ReadFile(w.path("metadata", id.String(), "watchlist-screening.json")); !isErrno(err, fault.errno) {
				t.Errorf("what could not be had: %v, want %v", err, fault.errno)
			}
			if got, err := os.ReadFile(w.path("metadata", id.String(), "decision.json")); err != nil || !bytes.Equal(got, w.Document(sandbox.Decision, id)) {
				t.Errorf("what could: %q, %v", got, err)
			}
		})
	}
	w := newWorld(t, worldConfig{sandbox: small, listTTL: 1})
	id := w.SessionIDs()[0]
	w.mustShell(`cat metadata/*/*`)
	w.server.Down()
	for _, name := range w.names("metadata", id.String()) {
		if got, err := os.ReadFile(w.path("metadata", id.String(), name)); err != nil || len(got) == 0 {
			t.Errorf("offline, %s: %v", name, err)
		}
	}
}
