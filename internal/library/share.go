package library

import (
	"context"
	"errors"

	"veriffs/cache"
	"veriffs/internal/answers"
	"veriffs/internal/erasure"
	"veriffs/internal/flight"
	"veriffs/internal/store"
	"veriffs/internal/team"
)

// Source says where an opened file came from.
type Source int

// The sources.
const (
	FromCache Source = iota // or it was open already
	FromTeam                // the team's store
	FromAPI
)

// teamLanes is how many objects the team's store is asked for at once. One that it lacks
// takes two round trips, of which the second claims it, so there are twice as many as to
// the API.
const teamLanes = 2 * DefaultConnections

// retrieve gets an object that the cache does not have: from the team's store if there is
// one, or from the API. gone, if the API is known to have it no more, is the error that
// it need not be asked for.
func (l *files) retrieve(t *flight.Task, f *File, gone error) (o *cache.Object, from Source, err error) {
	api := func(ctx context.Context) (*cache.Object, error) {
		if gone != nil {
			return nil, gone
		}
		return l.fetch(ctx, t, f)
	}
	if l.team == nil || l.gate.Apart(erasure.OfFile(f)) {
		o, err = api(t.Context())
		return o, FromAPI, err
	}
	o, shared, err := l.team.First(t.Context(), team.Want{
		NoAPI:  gone != nil || l.link.Check() != nil,
		Key:    store.File(f.ID),
		Accept: func(label []byte) error { return l.acceptable(f, label) },
		API:    api,
		Final:  answers.Proven,
		Waited: t.Waited(),
		Lane:   func(ctx context.Context, work func() error) error { return l.teamLanes.Through(ctx, t, work) },
	})
	if shared {
		return o, FromTeam, err
	}
	return o, FromAPI, err
}

// acceptable returns why an object of the team's store is not the file that is wanted,
// by the label that its member sealed.
func (l *files) acceptable(f *File, text []byte) error {
	label, err := store.ParseLabel(text)
	session, _ := label.Owners()
	switch {
	case err != nil:
		return err
	case !label.Shareable():
		return errors.New("nobody has verified it, or whose it is is not known")
	case !f.In.Session.IsZero() && session != f.In.Session:
		return errors.New("it is of another session")
	case l.gone(f): // while it was on its way
		return ErrNotFound
	}
	return nil
}
