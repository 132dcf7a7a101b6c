package library

import (
	"context"
	"errors"
	"fmt"
	"unique"

	"veriffs/internal/answers"
	"veriffs/internal/custody"
	"veriffs/internal/erasure"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/notice"
	"veriffs/internal/reach"
	"veriffs/internal/retention"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// Holds are described and made in other packages.
type (
	Hold        = custody.Hold
	HoldOptions = custody.Options
	Held        = custody.Held
	HeldError   = erasure.HeldError
	TeamHold    = notice.Posted
	Member      = notice.Member

	ReleaseOptions = custody.ReleaseOptions
)

// Hold holds a session: see [custody.Custodian.Hold].
func (l *Library) Hold(ctx context.Context, o HoldOptions) (Held, error) {
	return l.custodian.Hold(ctx, o)
}

// Holds returns all holds, in the order of their sessions. A *HeldError says that there
// are others: their records can't be read, or secrets that are not configured sealed them.
func (l *Library) Holds(context.Context) (all []Hold, err error) {
	for _, r := range l.holds.All() {
		all = append(all, r.Report())
	}
	others, err := erasure.Unlisted(l.holds.Set, l.cache)
	if err != nil {
		return all, fmt.Errorf("library: holds: %w", err)
	}
	return all, others.OrNil()
}

// TeamHolds returns the holds of the other members of the team, in the order of their
// sessions, those whose time has run out too.
//
// Errors: ErrNoTeam; ErrHeld if there are others that can't be read; ErrTeamHolds.
func (l *Library) TeamHolds(ctx context.Context) ([]TeamHold, error) { return l.eraser.TeamHolds(ctx) }

// Release ends the hold of a session: see [custody.Custodian.Release].
//
// Errors: ErrNoHold if it is not held; ErrTeamHolds and ErrElsewhere if it stands because of
// the team's store.
func (l *Library) Release(ctx context.Context, o ReleaseOptions) (Hold, error) {
	return l.custodian.Release(ctx, o)
}

// ReleaseUnreadable gives up every hold whose record can't be read. What they held is
// as everything else is from now on.
func (l *Library) ReleaseUnreadable(_ context.Context, reason string) error {
	return l.custodian.ReleaseUnreadable(reason)
}

// Retention says why sessions, or with none all, are still in the cache. It asks the
// API nothing.
func (l *Library) Retention(ctx context.Context, only []veriff.SessionID) (retention.Report, error) {
	r, err := retention.Of(ctx, retention.Options{
		Cache: l.cache, Holds: l.holds.Set, Lost: l.catalog.Losses.Has, Only: only, Owner: l.catalog.Owner,
	})
	if err != nil {
		return r, fmt.Errorf("library: retention: %w", err)
	}
	return r, nil
}

// fetchWhole asks for all that a held session has, and fetches its files. Those who read
// it meanwhile are served what is there, so a list or a document that could not be had
// anew is a failure here alone.
func (l *Library) fetchWhole(ctx context.Context, id veriff.SessionID) (failures []warming.Failure, err error) {
	ctx = reach.Outlast(ctx)
	_, err = l.listings.answers.Renew(ctx, id)
	switch stale := errors.Is(err, answers.ErrStale); {
	case stale && !answers.Refused(err) && l.link.Check() == nil: // the files of the last listing may be had
		failures = append(failures, warming.Failure{Session: id.String(), Error: err.Error()})
	case stale || err != nil && !errors.Is(err, ErrNotFound):
		return nil, err
	}
	failures = append(failures, l.documents.renew(ctx, id)...)
	r := l.holds.Of(id)
	if r == nil {
		return nil, fmt.Errorf("it was released meanwhile: %w", ErrNoHold)
	}
	names := []string{listing.SessionsTree + "/" + id.String()}
	for _, a := range r.Attempts {
		if !a.ID.IsZero() && r.Gone.IsZero() {
			name := listing.AttemptsTree + "/" + a.ID.String()
			if _, err := l.attempts.answers.Renew(ctx, a.ID); errors.Is(err, answers.ErrStale) {
				failures = append(failures, warming.Failure{Session: name, Error: err.Error()})
			}
			names = append(names, name)
		}
	}
	l.holds.CheckCached(id)
	warmed, err := warming.Run(ctx, warmer{l}, warming.Options{Names: names}, nil) // whatever is shown
	for _, f := range warmed.Failures {
		if r.Gone.IsZero() || f.File != "" {
			failures = append(failures, f)
		}
	}
	return failures, err
}

// fetchFile fetches a file of a held session, whether any list tells of it or not.
func (l *Library) fetchFile(ctx context.Context, id veriff.SessionID, a *hold.Attempt, f hold.File) error {
	in := listing.New(id, a.ID, a.Created, veriff.MediaList{})
	_, err := l.files.warm(ctx, &File{ID: f.ID, ListedSize: f.Size, Type: unique.Make(listing.Type{MIMEType: f.MIMEType}), In: in})
	return err
}
