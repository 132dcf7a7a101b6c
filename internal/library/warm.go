package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/internal/warming"
)

// Warm fetches files into the cache before anybody opens them, if they are shown: see
// [warming.Run].
//
// Errors: ErrNoTeam.
func (l *Library) Warm(ctx context.Context, o warming.Options, progress func(warming.Progress)) (warming.Progress, error) {
	o.Shown = l.shown
	if o.Team && l.team == nil {
		return warming.Progress{}, ErrNoTeam
	}
	return warming.Run(ctx, warmer{l}, o, progress)
}

// warmer is the library as a warming sees it.
type warmer struct{ *Library }

func (w warmer) Files(ctx context.Context, name string) ([]*File, error) {
	_, files, err := w.resolve(ctx, name)
	return files, err
}

func (w warmer) Obtain(ctx context.Context, f *File) (bool, error) { return w.files.warm(ctx, f) }

func (w warmer) InTeam(ctx context.Context, f *File) (bool, error) {
	there, err := team.Has(ctx, w.team, store.File(f.ID))
	return there, teamDown(err)
}

func (w warmer) ToTeam(ctx context.Context, f *File) error {
	return teamDown(team.Fill(ctx, w.team, store.File(f.ID)))
}

// teamDown tells a warming whether there is any use in going on.
func teamDown(err error) error {
	if errors.Is(err, team.ErrDown) {
		return fmt.Errorf("%w: %w", warming.ErrTeamDown, err)
	}
	return err
}

func (w warmer) Connections() int { return w.connections }

func (w warmer) Down() error { return w.link.Check() }

func (w warmer) HeldUntil() time.Time { return w.client.HeldUntil() }

func (w warmer) Guard(f func() error) func() error { return w.guard(f) }
