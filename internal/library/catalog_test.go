package library

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/veriff"
)

func newCatalog() *catalog {
	return &catalog{
		dirty: make(chan struct{}, 1),
		dates: make(map[veriff.SessionID]int64), sizes: make(map[veriff.MediaID]int64),
	}
}

func TestCatalogLasts(t *testing.T) {
	c := newCatalog()
	session, media := veriff.SessionID{1}, veriff.MediaID{2}
	date := time.UnixMilli(1_780_000_000_123)
	for n, changed := range []bool{
		c.setCreated(session, date), c.setSize(media, 5), c.setCreated(veriff.SessionID{3}, date), c.setCreated(veriff.SessionID{3}, time.Time{}),
	} {
		if !changed {
			t.Errorf("change %d was none", n)
		}
	}
	if c.setCreated(session, date) || c.setSize(media, 5) || c.setCreated(veriff.SessionID{9}, time.Time{}) {
		t.Error("what was the same was a change")
	}
	again := newCatalog()
	if err := again.decode(c.encode()); err != nil {
		t.Fatal(err)
	}
	if n, ok := again.size(media); !ok || n != 5 || !again.created(session).Equal(date) || !again.newest().Equal(date) {
		t.Errorf("size %d, created %v, newest %v", n, again.created(session), again.newest())
	}
	if !again.created(veriff.SessionID{3}).IsZero() {
		t.Error("a date that was forgotten is back")
	}
}

func FuzzCatalog(f *testing.F) {
	c := newCatalog()
	c.setCreated(veriff.SessionID{1}, time.UnixMilli(1))
	c.setSize(veriff.MediaID{2}, 3)
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
		if d := cmp.Diff(c.dates, again.dates); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(c.sizes, again.sizes); d != "" {
			t.Error(d)
		}
	})
}
