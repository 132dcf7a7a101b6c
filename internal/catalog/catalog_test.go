package catalog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/veriff"
)

func TestCatalogLasts(t *testing.T) {
	c := New()
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
		if changed, latest := c.SetAttempts(step.session, step.attempts); changed != step.changed || latest != step.latest {
			t.Errorf("step %d: changed %v, the latest date %v", n, changed, latest)
		}
	}
	if !c.SetSize(media, 5) || c.SetSize(media, 5) {
		t.Error("a size is a change once")
	}
	if files := []veriff.MediaID{media}; !c.SetNumbers(map[veriff.MediaID]int{media: 7}, files) || c.SetNumbers(nil, nil) {
		t.Error("a number is a change once")
	}
	c.Losses.Add([]veriff.SessionID{{7}}, map[veriff.AttemptID]bool{{8}: false, {9}: true})
	again := New()
	if err := again.Decode(c.Encode()); err != nil {
		t.Fatal(err)
	}
	if _, ok := again.Losses.Pending().Attempts[veriff.AttemptID{8}]; !ok || !again.Losses.Has(veriff.SessionID{7}) || !again.Losses.Pending().Attempts[veriff.AttemptID{9}].Suspect {
		t.Errorf("who has gone: %+v", again.Losses.Pending())
	}
	if n, ok := again.Size(media); !ok || n != 5 {
		t.Errorf("size %d, %v", n, ok)
	}
	if n, ok := again.Number(media); !ok || n != 7 {
		t.Errorf("number %d, %v", n, ok)
	}
	if id, created := again.Newest(session); id != attempts[0].ID || !created.Equal(newer) || !again.Latest().Equal(newer) {
		t.Errorf("newest attempt %v, of %v, of all %v", id, created, again.Latest())
	}
	for _, a := range attempts {
		if of, created := again.Attempt(a.ID); of != session || !created.Equal(a.Created) {
			t.Errorf("attempt %v of %v, of session %v", a.ID, created, of)
		}
	}
	if _, created := again.Newest(veriff.SessionID{3}); !created.IsZero() {
		t.Error("attempts that were forgotten are back")
	}
	if _, latest := again.SetAttempts(session, other); !latest || !again.Latest().Equal(older) {
		t.Errorf("the latest date is %v after the newest attempt went", again.Latest())
	}
	if of, _ := again.Attempt(attempts[0].ID); !of.IsZero() {
		t.Errorf("an attempt that went is of session %v", of)
	}
}

func FuzzCatalog(f *testing.F) {
	c := New()
	c.SetAttempts(veriff.SessionID{1}, []veriff.Attempt{{ID: veriff.AttemptID{4}, Created: time.UnixMilli(1)}, {ID: veriff.AttemptID{5}}})
	c.SetSize(veriff.MediaID{2}, 3)
	c.SetNumbers(map[veriff.MediaID]int{{6}: 2}, nil)
	c.Losses.Add([]veriff.SessionID{{7}}, map[veriff.AttemptID]bool{{8}: false, {9}: true})
	f.Add(c.Encode())
	f.Add([]byte{})
	f.Add([]byte{formatVersion, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := New()
		if c.Decode(b) != nil {
			return
		}
		again := New()
		if written := c.Encode(); written == nil {
			return // it is empty
		} else if err := again.Decode(written); err != nil {
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
		if d := cmp.Diff(c.Losses.lost, again.Losses.lost, cmp.AllowUnexported(Loss{})); d != "" {
			t.Error(d)
		}
	})
}

// What goes once more while it is being erased stays lost.
func TestLostOnceMore(t *testing.T) {
	c := New()
	again, once := veriff.SessionID{1}, veriff.SessionID{2}
	c.Losses.Add([]veriff.SessionID{again, once}, nil)
	erased := c.Losses.Pending()
	c.Losses.Restore(again, nil)
	c.Losses.Add([]veriff.SessionID{again}, nil)
	c.Losses.Erased(erased)
	if !c.Losses.Has(again) || c.Losses.Has(once) {
		t.Errorf("gone again: %v, gone once: %v", c.Losses.Has(again), c.Losses.Has(once))
	}
}
