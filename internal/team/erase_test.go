package team_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/team"
)

func all(cache.Key, []byte, time.Time) bool { return true }

// TestErase removes what matches by its label, nothing else, and reads all again.
func TestErase(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	for i := range 50 {
		m.read(m.want(cache.Key(fmt.Sprint(i))))
	}
	m.settled()
	even := func(k cache.Key, label []byte, stored time.Time) bool {
		if string(label) != "label of "+string(k) || time.Since(stored) > time.Hour {
			t.Errorf("%s: label %q, stored %v", k, label, stored)
		}
		return strings.ContainsAny(string(k[len(k)-1]), "02468")
	}
	e := m.store.Erase(t.Context(), even, nil)
	if !e.Proven || e.Scans != 2 || e.Examined != 25 || len(e.Erased) != 25 || e.Versions != 25 || e.Remaining != 0 || e.Unreadable != 0 {
		t.Errorf("%+v", e)
	}
	if n := len(objects(t, dir)); n != 25 {
		t.Errorf("%d objects are left", n)
	}
	other := join(t, f)
	if other.read(other.want("0")) || !other.read(other.want("1")) {
		t.Error("another member has what was erased, or lacks what was not")
	}
}

// TestEraseBesideOthers: what no configured secret opens may be anybody's.
func TestEraseBesideOthers(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	m.read(m.want("a"))
	m.settled()
	writeFile(t, dir+"/stray", []byte("?"))
	e := m.store.Erase(t.Context(), all, nil)
	if e.Proven || e.Unreadable != 1 || len(e.Erased) != 1 {
		t.Errorf("%+v", e)
	}
}

// stubborn is a bucket that removes nothing.
type stubborn struct{ bucket.Bucket }

func (stubborn) Remove(context.Context, string) (int, error) {
	return 0, fmt.Errorf("%w: the object is locked", bucket.ErrDenied)
}

// TestEraseWithoutRights: what can't be removed is reported as what remains.
func TestEraseWithoutRights(t *testing.T) {
	f, _ := newFolder(t)
	m := join(t, stubborn{f})
	m.read(m.want("a"))
	m.settled()
	e := m.store.Erase(t.Context(), all, nil)
	if e.Proven || e.Remaining != 1 || len(e.Erased) != 0 || !strings.Contains(e.Error, "locked") {
		t.Errorf("%+v", e)
	}
}

// TestEraseDuringUploads: what is being uploaded while it is erased is gone as well.
func TestEraseDuringUploads(t *testing.T) {
	f, dir := newFolder(t)
	g := newGated(f)
	m := join(t, g)
	for i := range 30 {
		m.read(m.want(cache.Key(fmt.Sprint(i))))
	}
	for g.puts.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	for i := range 30 { // what an erasure here does first
		if err := m.cache.Remove(cache.Key(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	time.AfterFunc(20*time.Millisecond, func() { close(g.gate) })
	if e := m.store.Erase(t.Context(), all, nil); !e.Proven || len(e.Erased) != 2 {
		t.Errorf("%+v", e)
	}
	if s := m.settled(); s.Shared != 2 || s.Unshared != 28 {
		t.Errorf("%+v", s)
	}
	if left := objects(t, dir); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// TestEraseOfUnreadableFolder: a proof needs everything to be read.
func TestEraseOfUnreadableFolder(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if e := m.store.Erase(t.Context(), all, nil); e.Proven {
		t.Errorf("proven in a folder that is gone: %+v", e)
	}
}

// unlisted is a bucket whose listings wait.
type unlisted struct {
	bucket.Bucket
	asked chan struct{} // closed by the first listing
	gate  chan struct{} // which waits until this is closed
}

func (u *unlisted) List(ctx context.Context, prefix string) iter.Seq2[bucket.Info, error] {
	select {
	case <-u.gate:
	default:
		close(u.asked)
		<-u.gate
	}
	return u.Bucket.List(ctx, prefix)
}

// TestNothingDoomedIsUploaded: what is fetched anew while it is erased follows neither
// during the erasure nor after it; everything else does.
func TestNothingDoomedIsUploaded(t *testing.T) {
	f, dir := newFolder(t)
	b := &unlisted{Bucket: f, asked: make(chan struct{}), gate: make(chan struct{})}
	m := join(t, b)
	done := make(chan *team.Erasure)
	go func() {
		done <- m.store.Erase(t.Context(), func(k cache.Key, _ []byte, _ time.Time) bool { return k == "doomed" }, nil)
	}()
	<-b.asked
	m.read(m.want("doomed"))
	m.read(m.want("other"))
	if s := m.settled(); s.Unshared != 1 || s.Shared != 1 {
		t.Errorf("%+v", s)
	}
	close(b.gate)
	if e := <-done; !e.Proven || len(e.Erased) != 0 || len(objects(t, dir)) != 1 {
		t.Errorf("%+v", e)
	}
}
