package library_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/internal/library"
)

// is makes a house that member of the team whose cache is the house's.
func (h *house) is(installation string) {
	h.t.Helper()
	h.member = library.Member{Installation: installation, Host: "h", Cache: h.dir}
	h.restart()
}

// without has the house go on without the team's store, until it is called back.
func (h *house) without() (back func()) {
	h.t.Helper()
	share := h.share
	h.share = ""
	h.restart()
	return func() {
		h.t.Helper()
		h.share = share
		h.restart()
	}
}

// TestReleaseWithoutTheStore: a hold that the team knows of is released without the store only
// by who says that it is gone for good. If it comes back the hold is known as this cache's,
// which alone removes it.
func TestReleaseWithoutTheStore(t *testing.T) {
	ctx := context.Background()
	one, two, id := newPair(t)
	one.is("SHA256:one")
	one.hold(id)
	one.shared()
	back := one.without()
	if _, err := one.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "over"}); !errors.Is(err, library.ErrElsewhere) {
		t.Errorf("released: %v", err)
	}
	if all, err := one.lib.Holds(ctx); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := one.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "over", StoreGone: true}); err != nil {
		t.Error(err)
	}
	back()
	if all := one.teamHolds(); len(all) != 1 || !all[0].Left || all[0].Here {
		t.Errorf("its own: %+v", all)
	}
	_, err := one.lib.EraseSession(ctx, id)
	if !errors.Is(err, library.ErrHeld) || !strings.Contains(err.Error(), "by a hold of this cache") || strings.Contains(err.Error(), "another") {
		t.Error(err)
	}
	three := newMember(t, one)
	for _, m := range []*house{two, three} {
		m.is(map[*house]string{two: "SHA256:two", three: "SHA256:one"}[m])
		if all := m.teamHolds(); len(all) != 1 || all[0].Left || all[0].Here != (m == three) {
			t.Errorf("another's: %+v", all)
		}
		if _, err := m.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "over"}); !errors.Is(err, library.ErrNoHold) {
			t.Errorf("another's was released: %v", err)
		}
		m.untouched(id, library.ErrHeld)
	}
	if _, err := three.lib.EraseSession(ctx, id); !strings.Contains(err.Error(), "by another cache of this installation") {
		t.Error(err)
	}
	if h, err := one.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "over"}); err != nil || h.Reason != "claim 4711" || len(one.notices()) != 0 {
		t.Errorf("%+v, %v; %q", h, err, one.notices())
	}
	if e, err := one.lib.EraseSession(ctx, id); err != nil || !e.Proven || len(e.Team.Erased) == 0 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestHoldWhoseRecordIsLost: a lost record ends no hold in the team's store. Once the session
// is held and released again nothing of the first hold is left there.
func TestHoldWhoseRecordIsLost(t *testing.T) {
	ctx := context.Background()
	one, two, id := newPair(t)
	one.is("SHA256:one")
	one.hold(id)
	one.down()
	records, err := filepath.Glob(filepath.Join(one.dir, "*", "holds", "*"))
	if err != nil || len(records) == 0 {
		t.Fatal(records, err)
	}
	for _, path := range records {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	one.up()
	two.untouched(id, library.ErrHeld)
	if all := one.teamHolds(); len(all) != 1 || !all[0].Left {
		t.Errorf("%+v", all)
	}
	one.hold(id)
	if all := one.teamHolds(); len(all) != 0 {
		t.Errorf("held again: %+v", all)
	}
	if _, err := one.lib.Release(ctx, library.ReleaseOptions{Session: id, Reason: "over"}); err != nil || len(one.notices()) != 0 {
		t.Errorf("%v; %q", err, one.notices())
	}
}
