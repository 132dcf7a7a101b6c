package erasure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veriffs/cache"
	"veriffs/internal/notice"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

const (
	// noticesFor is for how long notices that were read say what is held: somebody may
	// hold a session while what is too old is being removed.
	noticesFor = 10 * time.Second
	// sweepAfter is when a notice is removed whose time has run out, and which its member
	// has left: clocks may differ.
	sweepAfter = 24 * time.Hour
)

// clockTolerance is how far this machine's clock may differ from that of the team's store when
// something is removed there for its age.
const clockTolerance = 10 * time.Minute

var (
	// ErrNoTeam says that there is no team's store.
	ErrNoTeam = errors.New("there is no team store")
	// ErrClock says that neither ages are known, nor which holds have run out.
	ErrClock = errors.New("this machine's clock and the team store's differ")
)

// teamHolds are the holds of the other members, as they were read last.
type teamHolds struct {
	e        *Eraser
	read     time.Time       // by the clock that does not jump
	all      []notice.Posted // those whose time has run out, too
	sessions map[veriff.SessionID]bool
	expired  []notice.Posted // for so long that they can go
	err      error           // why they could not be read again

	checked bool  // our clock was compared with the store's
	clock   error // and what came of it
}

// refresh reads the notices, unless they were read a moment ago. Without an error it is
// known what is held. The first error stays.
func (h *teamHolds) refresh(ctx context.Context) error {
	if h.err != nil {
		return h.err
	}
	if !h.read.IsZero() && time.Since(h.read) < noticesFor {
		return nil
	}
	begun := time.Now()
	all, err := h.e.Board.Others(ctx, h.e.Holds.Set)
	if err != nil {
		h.err, h.expired = unreadable(err), nil // nothing is removed from then on
		return h.err
	}
	h.read, h.all, h.sessions, h.expired = begun, all, make(map[veriff.SessionID]bool), nil
	now := h.e.Now()
	for _, p := range all {
		switch {
		case !p.Expired(now):
			h.sessions[p.ID] = true
		case p.Expired(now.Add(-sweepAfter)):
			h.expired = append(h.expired, p)
		}
	}
	return nil
}

// refuse returns the holds of a session that other members have, as a *HeldError. That the time
// of one has run out counts only if our clock is right.
//
// Errors besides: those of refresh, and of checkClock.
func (h *teamHolds) refuse(ctx context.Context, id veriff.SessionID) error {
	if err := h.refresh(ctx); err != nil {
		return err
	}
	why, over := &HeldError{}, false
	for _, p := range h.all {
		switch {
		case p.ID != id:
		case p.Expired(h.e.Now()):
			over = true
		default:
			why.Others = append(why.Others, p)
		}
	}
	if err := why.OrNil(); err != nil || !over {
		return err
	}
	if !h.checked {
		h.checked, h.clock = true, h.e.checkClock(ctx)
	}
	return h.clock
}

// unreadable makes an error of notices that can't be read one of holds.
func unreadable(err error) error {
	var which *team.UnreadableError
	if errors.As(err, &which) {
		return &HeldError{UnreadableNotices: which}
	}
	return err
}

// RefuseForTeam returns the holds of a session that other members have, as a *HeldError,
// also if there are notices that can't be read: they may be of it.
//
// Errors besides: notice.ErrStore and ErrClock, if that is not known.
func (e *Eraser) RefuseForTeam(ctx context.Context, id veriff.SessionID) error {
	return (&teamHolds{e: e}).refuse(ctx, id)
}

// TeamHolds returns the holds of the other members, those whose time has run out too.
//
// Errors: ErrNoTeam; those of RefuseForTeam, beside the holds that can be read.
func (e *Eraser) TeamHolds(ctx context.Context) ([]notice.Posted, error) {
	if e.Team == nil {
		return nil, ErrNoTeam
	}
	all, err := e.Board.Others(ctx, e.Holds.Set)
	return all, unreadable(err)
}

// eraseShared erases in the team's store what an erasure takes that has done so here. That
// may take long: a hold that is placed meanwhile, here or by another member, ends it, and the
// evidence says so. The holds are read once more at the end.
func (e *Eraser) eraseShared(ctx context.Context, id veriff.SessionID, d *doomed, found *Evidence) {
	refuse := func(others *teamHolds) error {
		if _, err := e.RefuseHeld([]veriff.SessionID{id}); err != nil {
			return err
		}
		return others.refuse(ctx, id)
	}
	during := &teamHolds{e: e}
	err := refuse(during)
	if err != nil { // somebody holds it by now
		found.Team = e.Team.Unerased(err)
	} else {
		takes := func(k cache.Key, text []byte, _ time.Time) bool { return d.takes(k, text) }
		found.Team = e.Team.Erase(ctx, takes, func() error { return refuse(during) })
		after := &teamHolds{e: e}
		err = refuse(after)
		for _, p := range after.all {
			if p.ID == id && p.Expired(e.Now()) && after.clock == nil { // it names the session
				err = errors.Join(err, e.Board.Sweep(ctx, p))
			}
		}
	}
	var held *HeldError
	switch {
	case errors.As(err, &held) && len(held.Holds)+len(held.Others) > 0:
		found.Held, found.HeldByTeam = held.Holds, held.Others
		found.Team.Proven, found.Team.Error = false, "a hold was placed while it was being erased: "+err.Error()
	case err != nil && found.Team.Error != "" && found.Team.Error != err.Error():
		found.Team.Proven, found.Team.Error = false, found.Team.Error+"; "+err.Error()
	case err != nil:
		found.Team.Proven, found.Team.Error = false, err.Error()
	}
	found.Proven = found.Proven && found.Team.Proven
}

// CollectTeam removes from the team's store what was fetched longer than maxAge ago and
// nobody of the team holds, leases that have expired, and the notices of holds whose time
// ran out a day ago. With maxAge 0 no file is too old. A dry run only counts, and does not
// look at the store's clock.
//
// Errors: ErrNoTeam; ErrHeld if it is not known what is held; ErrClock: nothing is removed
// then.
// After any other error, of the store, the result says what was removed.
func (e *Eraser) CollectTeam(ctx context.Context, maxAge time.Duration, dryRun bool) (team.Collected, error) {
	if e.Team == nil {
		return team.Collected{}, ErrNoTeam
	}
	unlisted, err := Unlisted(e.Holds.Set, e.Cache)
	if err != nil {
		return team.Collected{}, fmt.Errorf("erasure: holds: %w", err)
	}
	others := &teamHolds{e: e}
	if err = unlisted.OrNil(); err == nil {
		err = others.refresh(ctx)
	}
	if err == nil && !dryRun {
		err = e.checkClock(ctx)
	}
	if err != nil {
		return team.Collected{}, fmt.Errorf("erasure: nothing was removed from the team store: %w", err)
	}
	found, err := team.Collect(ctx, e.Team, team.Rules{Now: e.Now(), MaxAge: maxAge, DryRun: dryRun, Held: func(k cache.Key, text []byte) (bool, error) {
		err := others.refresh(ctx)
		return err != nil || e.holds(k, text, others.sessions), err
	}})
	for _, p := range others.expired {
		if !dryRun {
			if failed := e.Board.Sweep(ctx, p); failed != nil {
				err = errors.Join(err, failed)
				continue
			}
		}
		found.Holds++
	}
	if err != nil {
		return found, fmt.Errorf("erasure: the team store: %w", err)
	}
	return found, nil
}

// checkClock makes sure that this machine's clock is right, as far as that of the team's store
// is: one that is a year ahead would make everything too old.
func (e *Eraser) checkClock(ctx context.Context) error {
	theirs, ours, err := team.Clock(ctx, e.Team, e.Now)
	switch {
	case err != nil:
		return fmt.Errorf("its clock could not be read: %w", err)
	case ours.Sub(theirs).Abs() > clockTolerance:
		return fmt.Errorf("%w: it is %s by this machine's, %s by the store's", ErrClock, ours.UTC().Format(time.RFC3339), theirs.UTC().Format(time.RFC3339))
	}
	return nil
}

// holds reports whether an object belongs to a hold whose time has not run out: one of
// this cache, or of a session that others hold.
func (e *Eraser) holds(k cache.Key, text []byte, others map[veriff.SessionID]bool) bool {
	label, _ := store.ParseLabel(text) // without one the key alone decides
	session, attempt := label.Owners()
	media, _ := store.FileOf(k)
	r := e.Holds.Owner(session, attempt, media)
	return r != nil && !r.Expired(e.Now()) || others[session]
}
