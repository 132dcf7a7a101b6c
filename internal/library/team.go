package library

import (
	"context"
	"fmt"
	"time"

	"veriffs/cache"
	"veriffs/internal/erasure"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

var (
	ErrNoTeam = erasure.ErrNoTeam
	ErrClock  = erasure.ErrClock
)

// TeamSurvey is what there is in the team's store.
type TeamSurvey struct {
	team.Survey
	Sessions []TeamSession `json:"sessions,omitempty"` // those that were asked for, in their order
	// Others is the number of files of all other sessions, if some were asked for.
	Others int64 `json:"others"`
}

// TeamSession is what the team's store has of a session.
type TeamSession struct {
	Session string    `json:"session"`
	Files   int64     `json:"files"`
	Bytes   int64     `json:"bytes"`
	First   time.Time `json:"first_fetched,omitzero"` // from the API; zero without files
	Last    time.Time `json:"last_fetched,omitzero"`
}

// shared looks after the team's store.
type shared struct {
	*core
	eraser *erasure.Eraser
}

// TeamSurvey says what there is in the team's store, also by session for those that are
// named; for these the header of every object in the store is read.
//
// Errors: ErrNoTeam; those of the store.
func (s *shared) TeamSurvey(ctx context.Context, only []veriff.SessionID) (found TeamSurvey, err error) {
	if s.team == nil {
		return found, ErrNoTeam
	}
	at := make(map[veriff.SessionID]*TeamSession, len(only))
	found.Sessions = make([]TeamSession, len(only))
	for i, id := range only {
		found.Sessions[i].Session = id.String()
		at[id] = &found.Sessions[i]
	}
	var visit func(cache.Entry)
	if len(only) > 0 {
		visit = func(e cache.Entry) {
			label, _ := store.ParseLabel(e.Label) // without one it is nobody's
			session, _ := label.Owners()
			if of := at[session]; of != nil {
				of.add(e)
			} else {
				found.Others++
			}
		}
	}
	if found.Survey, err = team.Look(ctx, s.team, visit); err != nil {
		return found, fmt.Errorf("library: look through the team store: %w", err)
	}
	return found, nil
}

func (t *TeamSession) add(e cache.Entry) {
	t.Files++
	t.Bytes += e.Bytes
	if t.First.IsZero() || e.Stored.Before(t.First) {
		t.First = e.Stored
	}
	if e.Stored.After(t.Last) {
		t.Last = e.Stored
	}
}

// TeamCollect removes what is too old: see [erasure.Eraser.CollectTeam].
func (s *shared) TeamCollect(ctx context.Context, maxAge time.Duration, dryRun bool) (team.Collected, error) {
	return s.eraser.CollectTeam(ctx, maxAge, dryRun)
}
