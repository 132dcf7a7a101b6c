package control

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/internal/hold"
	"veriffs/internal/library"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// keepsTeam is a library that has a team's store.
type keepsTeam struct {
	Library
	survey    library.TeamSurvey
	collected team.Collected
	err       error

	only   []veriff.SessionID // what it was asked
	maxAge time.Duration
	dryRun bool
	holds  []library.TeamHold

	released library.ReleaseOptions
}

func (k *keepsTeam) Release(_ context.Context, o library.ReleaseOptions) (library.Hold, error) {
	k.released = o
	return library.Hold{}, k.err
}

func (k *keepsTeam) TeamHolds(context.Context) ([]library.TeamHold, error) { return k.holds, k.err }

func (k *keepsTeam) TeamSurvey(_ context.Context, only []veriff.SessionID) (library.TeamSurvey, error) {
	k.only = only
	return k.survey, k.err
}

func (k *keepsTeam) TeamCollect(_ context.Context, maxAge time.Duration, dryRun bool) (team.Collected, error) {
	k.maxAge, k.dryRun = maxAge, dryRun
	return k.collected, k.err
}

// TestTeamStoreThroughTheSocket: questions and answers arrive as they are, what was
// removed before an error too.
func TestTeamStoreThroughTheSocket(t *testing.T) {
	h := newHouse(t, Options{})
	ids := h.SessionIDs()[:2]
	k := &keepsTeam{
		survey: library.TeamSurvey{
			Survey:   team.Survey{Store: "s3://b/p", Objects: 1, Bytes: 2, Oldest: time.Unix(3, 0).UTC(), Newest: time.Unix(4, 0).UTC(), Versions: 5, VersionBytes: 6, Leases: 7, Unreadable: 8, Holds: 14, UnreadableHolds: 15, Stray: 16},
			Sessions: []library.TeamSession{{Session: ids[0].String(), Files: 9, Bytes: 10, First: time.Unix(11, 0).UTC(), Last: time.Unix(12, 0).UTC()}}, Others: 13,
		},
		collected: team.Collected{Store: "s3://b/p", DryRun: true, Examined: 1, Objects: 2, Bytes: 3, Leases: 4, Held: 5, Unreadable: 6, Failed: 7, Holds: 8},
	}
	k.holds = []library.TeamHold{{Object: "holds/a", Notice: hold.Notice{
		Session: ids[0].String(), Reason: "claim", By: "ann", Since: time.Unix(15, 0).UTC(), Until: time.Unix(16, 0).UTC(), Member: hold.Member{Installation: "SHA256:x", Host: "h"},
	}}}
	h.server.keeper = k
	s, err := h.client.TeamSurvey(t.Context(), ids)
	if diff := cmp.Diff(k.survey, s); diff != "" || err != nil || !cmp.Equal(k.only, ids) {
		t.Errorf("%v, asked for %v\n%s", err, k.only, diff)
	}
	k.err = library.ErrHeld
	c, err := h.client.TeamCollect(t.Context(), time.Hour, true)
	if c != k.collected || !errors.Is(err, library.ErrHeld) || k.maxAge != time.Hour || !k.dryRun {
		t.Errorf("%+v, %v", c, err)
	}
	if got, err := h.client.TeamHolds(t.Context()); !cmp.Equal(k.holds, got) || !errors.Is(err, library.ErrHeld) {
		t.Errorf("%+v, %v", got, err)
	}
	k.err = library.ErrElsewhere
	o := library.ReleaseOptions{Session: ids[0], Reason: "over", StoreGone: true}
	if _, err := h.client.Release(t.Context(), o); !errors.Is(err, library.ErrElsewhere) || k.released != o {
		t.Errorf("%v; %+v", err, k.released)
	}
	k.err = library.ErrTeamHolds
	if _, err := h.client.TeamHolds(t.Context()); !errors.Is(err, library.ErrTeamHolds) {
		t.Error(err)
	}
	k.err = library.ErrNoTeam
	if _, err := h.client.TeamSurvey(t.Context(), nil); !errors.Is(err, library.ErrNoTeam) {
		t.Error(err)
	}
	if _, err := h.client.TeamCollect(t.Context(), -1, true); !errors.Is(err, errRequest) {
		t.Error(err)
	}
	if _, err := h.client.send(t.Context(), http.MethodPost, pathTeamSurvey, teamSurveyRequest{[]string{"x"}}); !errors.Is(err, errRequest) {
		t.Error(err)
	}
}
