package erasure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veriffs/cache"
	"veriffs/internal/store"
	"veriffs/internal/team"
)

// ErrNoTeam says that there is no team's store.
var ErrNoTeam = errors.New("there is no team store")

// CollectTeam removes from the team's store what was fetched longer than maxAge ago and
// is not held here, and leases that have expired. With maxAge 0 no file is too old. A dry
// run only counts.
//
// Errors: ErrNoTeam; ErrHeld if it is not known what is held: nothing is removed then.
// After any other error, of the store, the result says what was removed.
func (e *Eraser) CollectTeam(ctx context.Context, maxAge time.Duration, dryRun bool) (team.Collected, error) {
	if e.Team == nil {
		return team.Collected{}, ErrNoTeam
	}
	unlisted, err := Unlisted(e.Holds.Set, e.Cache)
	if err != nil {
		return team.Collected{}, fmt.Errorf("erasure: holds: %w", err)
	}
	if err := unlisted.OrNil(); err != nil {
		return team.Collected{}, fmt.Errorf("erasure: nothing was removed from the team store: %w", err)
	}
	found, err := team.Collect(ctx, e.Team, team.Rules{Now: e.Now(), MaxAge: maxAge, DryRun: dryRun, Held: e.holds})
	if err != nil {
		return found, fmt.Errorf("erasure: the team store: %w", err)
	}
	return found, nil
}

// holds reports whether an object belongs to a hold whose time has not run out.
func (e *Eraser) holds(k cache.Key, text []byte) bool {
	label, _ := store.ParseLabel(text) // without one the key alone decides
	session, attempt := label.Owners()
	media, _ := store.FileOf(k)
	r := e.Holds.Owner(session, attempt, media)
	return r != nil && !r.Expired(e.Now())
}
