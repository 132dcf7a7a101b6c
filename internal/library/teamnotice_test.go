package library_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"veriffs/internal/bucket"
	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// TestNoticesAreMended: a mount puts again what somebody has removed, altered or brought
// back, with the same contents under the same name.
func TestNoticesAreMended(t *testing.T) {
	one, two, id := newPair(t)
	one.hold(id)
	path := one.notices()[0]
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.lib.Hold(t.Context(), library.HoldOptions{Session: id, Reason: "another reason"}); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func() error{
		"removed":     func() error { return os.Remove(path) },
		"altered":     func() error { return os.WriteFile(path, bytes.Repeat([]byte("x"), len(old)), 0o600) },
		"rolled back": func() error { return os.WriteFile(path, old, 0o600) },
		"cut":         func() error { return os.Truncate(path, 100) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		one.restart()
		one.eventually("the hold is mended: "+what, func() bool {
			all, err := two.lib.TeamHolds(t.Context())
			return err == nil && len(all) == 1 && all[0].Reason == "another reason" && all[0].Object == "holds/"+filepath.Base(path)
		})
	}
}

// TestHoldsCostNoOpen: files open as ever while the store does not answer about holds.
func TestHoldsCostNoOpen(t *testing.T) {
	one, two, id := newPair(t)
	one.hold(id)
	gate := make(chan struct{})
	two.wrap = func(b bucket.Bucket) bucket.Bucket { return muteHolds{b, gate} }
	two.restart()
	two.hold(id)
	for _, f := range two.files(id) {
		if b, err := two.read(id, f); err != nil || !bytes.Equal(b, two.Bytes(f.ID)) {
			t.Error(err)
		}
	}
	if s := two.team.Stats(); s.ReadDown != nil || s.Late+s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	close(gate)
}

// muteHolds is a bucket that does not answer about holds.
type muteHolds struct {
	bucket.Bucket
	gate chan struct{}
}

func (m muteHolds) Head(ctx context.Context, o bucket.Info, n int64) ([]byte, error) {
	select {
	case <-m.gate:
	case <-ctx.Done():
	}
	return m.Bucket.Head(ctx, o, n)
}

// TestHoldFromTheTeamAlone: a session that Veriff has deleted, and of which a member has
// nothing, no list either, is completed from what others have put into the store: all
// files of all attempts, which open and are listed.
func TestHoldFromTheTeamAlone(t *testing.T) {
	all := newTeam(t, 2, history())
	one, two := all[0], all[1]
	id := one.SessionIDs()[0]
	e := one.evidence(id)
	contents := one.contents(e)
	one.warm(warming.Options{})
	for _, a := range e.attempts {
		one.warmAttempt(a.ID)
	}
	one.shared()
	two.restart() // it has asked for nothing yet
	one.DeleteSession(id)
	two.ResetRequests()
	held, err := two.lib.Hold(context.Background(), library.HoldOptions{Session: id, Reason: "letter"})
	if err != nil || held.Cached != 4 || held.Files != 4 || held.Attempts != 2 || held.Lost != 0 || held.Complete.IsZero() {
		t.Errorf("%+v, %v", held, err)
	}
	if n := two.media(); n > 4 {
		t.Errorf("the API was asked for %d files", n)
	}
	check := func() {
		t.Helper()
		for _, a := range e.attempts {
			list, err := two.lib.Attempt(t.Context(), a.ID)
			if err != nil || len(list.Files) != len(a.Media) {
				t.Errorf("%v, %v", list, err)
				continue
			}
			for i := range list.Files {
				f := &list.Files[i]
				open, err := two.lib.Open(t.Context(), f)
				if err != nil || open.Size() != int64(len(contents[f.ID])) {
					t.Errorf("%s: %v", f.ID, err)
					continue
				}
				open.Close()
			}
		}
		list, err := two.lib.Session(t.Context(), id)
		if err != nil || len(list.Files) == 0 {
			t.Errorf("the session: %v, %v", list, err)
		}
	}
	check()
	two.restart()
	check()

	// Nobody has anything: it is held all the same, and nothing of another session is taken.
	held, err = two.lib.Hold(t.Context(), library.HoldOptions{Session: veriff.SessionID{9, 9, 9, 9, 9, 9, 9, 9, 9}, Reason: "letter"})
	if err != nil || held.Files != 0 || !held.Complete.IsZero() {
		t.Errorf("%+v, %v", held, err)
	}
}
