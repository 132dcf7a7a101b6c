package library

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/veriff"
)

func newCatalog() *catalog {
	c := &catalog{dirty: make(chan struct{}, 1), loss: make(chan struct{}, 1)}
	c.clear()
	return c
}

func TestCatalogLasts(t *testing.T) {
	c := newCatalog()
	session, media := veriff.SessionID{1}, veriff.MediaID{2}
	older, newer := time.UnixMilli(1_780_000_000_123), time.UnixMilli(1_790_000_000_000)
	attempts := []veriff.Attempt{{ID: veriff.AttemptID{5}, Created: newer}, {ID: veriff.AttemptID{4}}, {ID: veriff.AttemptID{3}, Created: older}}
	other := attempts[2:]
	for n, step := range []struct {
		session         veriff.SessionID
		attempts        []veriff.Attempt
		changed, latest bool
	}{
		{veriff.SessionID{3}, other, true, true},
		{session, attempts, true, true},
		{session, attempts, false, false},
		{veriff.SessionID{3}, nil, true, false},
		{veriff.SessionID{9}, nil, false, false},
	} {
		if changed, latest := c.setAttempts(step.session, step.attempts); changed != step.changed || latest != step.latest {
			t.Errorf("step %d: changed %v, the latest date %v", n, changed, latest)
		}
	}
	if !c.setSize(media, 5) || c.setSize(media, 5) {
		t.Error("a size is a change once")
	}
	if files := []File{{ID: media}}; !c.setNumbers(map[veriff.MediaID]int{media: 7}, files) || c.setNumbers(nil, nil) {
		t.Error("a number is a change once")
	}
	c.bury([]veriff.SessionID{{7}}, map[veriff.AttemptID]bool{{8}: false, {9}: true})
	again := newCatalog()
	if err := again.decode(c.encode()); err != nil {
		t.Fatal(err)
	}
	if _, ok := again.buried().attempts[veriff.AttemptID{8}]; !ok || !again.isGone(veriff.SessionID{7}) || !again.buried().attempts[veriff.AttemptID{9}].suspect {
		t.Errorf("who has gone: %+v", again.buried())
	}
	if n, ok := again.size(media); !ok || n != 5 {
		t.Errorf("size %d, %v", n, ok)
	}
	if n, ok := again.number(media); !ok || n != 7 {
		t.Errorf("number %d, %v", n, ok)
	}
	if id, created := again.newest(session); id != attempts[0].ID || !created.Equal(newer) || !again.latestDate().Equal(newer) {
		t.Errorf("newest attempt %v, of %v, of all %v", id, created, again.latestDate())
	}
	for _, a := range attempts {
		if of, created := again.attempt(a.ID); of != session || !created.Equal(a.Created) {
			t.Errorf("attempt %v of %v, of session %v", a.ID, created, of)
		}
	}
	if _, created := again.newest(veriff.SessionID{3}); !created.IsZero() {
		t.Error("attempts that were forgotten are back")
	}
	if _, latest := again.setAttempts(session, other); !latest || !again.latestDate().Equal(older) {
		t.Errorf("the latest date is %v after the newest attempt went", again.latestDate())
	}
	if of, _ := again.attempt(attempts[0].ID); !of.IsZero() {
		t.Errorf("an attempt that went is of session %v", of)
	}
}

func FuzzCatalog(f *testing.F) {
	c := newCatalog()
	c.setAttempts(veriff.SessionID{1}, []veriff.Attempt{{ID: veriff.AttemptID{4}, Created: time.UnixMilli(1)}, {ID: veriff.AttemptID{5}}})
	c.setSize(veriff.MediaID{2}, 3)
	c.setNumbers(map[veriff.MediaID]int{{6}: 2}, nil)
	c.bury([]veriff.SessionID{{7}}, map[veriff.AttemptID]bool{{8}: false, {9}: true})
	f.Add(c.encode())
	f.Add([]byte{})
	f.Add([]byte{catalogVersion, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newCatalog()
		if c.decode(b) != nil {
			return
		}
		again := newCatalog()
		if err := again.decode(c.encode()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.attempts, again.attempts, cmp.AllowUnexported(attempt{})); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(c.sizes, again.sizes); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(c.numbers, again.numbers); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(c.graves, again.graves, cmp.AllowUnexported(graves{}, grave{})); d != "" {
			t.Error(d)
		}
	})
}

// What goes once more while it is being erased stays buried.
func TestExhumeOnlyWhatWasErased(t *testing.T) {
	c := newCatalog()
	again, once := veriff.SessionID{1}, veriff.SessionID{2}
	c.bury([]veriff.SessionID{again, once}, nil)
	erased := c.buried()
	c.revive(again)
	c.bury([]veriff.SessionID{again}, nil)
	c.exhume(erased)
	if !c.isGone(again) || c.isGone(once) {
		t.Errorf("gone again: %v, gone once: %v", c.isGone(again), c.isGone(once))
	}
}
