package team_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"veriffs/cache"
)

// leases are the leases in a folder.
func leases(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "leases", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantNoLeases waits until the leases of those who have ended their work are gone.
func wantNoLeases(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); len(leases(t, dir)) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("left: %q", leases(t, dir))
		}
	}
}

// TestOneFetchAmongMembers: while one member fetches an object, the others wait for it.
func TestOneFetchAmongMembers(t *testing.T) {
	f, dir := newFolder(t)
	one, two := join(t, f), join(t, f)
	w := one.want("a")
	w.API = func(context.Context) (*cache.Object, error) {
		for two.store.Stats().Waits == 0 {
			time.Sleep(time.Millisecond)
		}
		return one.fetch("a")
	}
	second := make(chan bool)
	go func() {
		for len(leases(t, dir)) == 0 {
			time.Sleep(time.Millisecond)
		}
		second <- two.read(two.want("a"))
	}()
	one.read(w)
	if fromTeam := <-second; !fromTeam || two.asked.Load() != 0 {
		t.Error("both have fetched it")
	}
	if s := one.settled(); s.Misses != 1 || s.Hits+s.Waits != 0 {
		t.Errorf("who fetched it: %+v", s)
	}
	if s := two.settled(); s.Hits != 1 || s.Waits != 1 || s.Misses != 0 {
		t.Errorf("who waited: %+v", s)
	}
	wantNoLeases(t, dir)
}

// TestNoLeaseWithoutTheAPI: who can't ask the API claims nothing.
func TestNoLeaseWithoutTheAPI(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	w := m.want("a")
	w.NoAPI = true
	w.API = func(context.Context) (*cache.Object, error) {
		if all := leases(t, dir); len(all) > 0 {
			t.Errorf("%q", all)
		}
		return nil, errors.New("out of reach")
	}
	if _, _, err := m.store.First(t.Context(), w); err == nil || m.store.Stats().Misses != 1 {
		t.Errorf("%v, %+v", err, m.store.Stats())
	}
}

// TestDeadMember: who died while it fetched an object keeps the others waiting for a
// moment only, and its lease is no use to anybody later.
func TestDeadMember(t *testing.T) {
	f, _ := newFolder(t)
	one, two := join(t, f), join(t, f)
	dead, bury := context.WithCancel(t.Context())
	fetching := make(chan struct{})
	w := one.want("a")
	w.API = func(ctx context.Context) (*cache.Object, error) {
		close(fetching)
		<-dead.Done()
		return nil, ctx.Err()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if o, _, err := one.store.First(dead, w); err == nil {
			o.Close()
		}
	}()
	<-fetching
	if two.read(two.want("a")) || two.asked.Load() != 1 || two.store.Stats().Waits != 1 || two.store.Stats().Misses != 1 {
		t.Errorf("%+v", two.store.Stats())
	}
	bury()
	<-ended
}

// TestLeaseOfAFailure: who could not fetch an object gives its lease back.
func TestLeaseOfAFailure(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	w := m.want("a")
	w.API = func(context.Context) (*cache.Object, error) {
		if n := len(leases(t, dir)); n != 1 {
			t.Errorf("%d leases while it is fetched", n)
		}
		return nil, errors.New("out of reach")
	}
	if _, _, err := m.store.First(t.Context(), w); err == nil {
		t.Error("no error")
	}
	wantNoLeases(t, dir)
	if m.read(m.want("a")) || m.store.Stats().Waits != 0 {
		t.Error("it waited for itself")
	}
}
