package control

import (
	"context"
	"errors"

	"veriffs/internal/accesslog"
	"veriffs/internal/library"
	"veriffs/veriff"
)

// nameless is a hold without the name of who asked for it: the log has ids of users.
func nameless(h library.Hold) library.Hold {
	h.By = ""
	return h
}

// Hold records who holds a session, why, and whether all of it is here.
func (k *recorded) Hold(ctx context.Context, o library.HoldOptions) (library.Held, error) {
	held, err := k.Keeper.Hold(ctx, o)
	r := accesslog.Record{Operation: accesslog.OpHold, Session: o.Session.String()}
	result := held
	result.Hold = nameless(held.Hold)
	return held, errors.Join(err, k.record(ctx, r, asked{Reason: o.Reason, Result: result}, err))
}

// Release records who ends the hold of a session, and why.
func (k *recorded) Release(ctx context.Context, o library.ReleaseOptions) (library.Hold, error) {
	h, err := k.Keeper.Release(ctx, o)
	r := accesslog.Record{Operation: accesslog.OpRelease, Session: o.Session.String()}
	return h, errors.Join(err, k.record(ctx, r, asked{Reason: o.Reason, Result: nameless(h)}, err))
}

// ReleaseUnreadable records who gives up holds that nobody can read.
func (k *recorded) ReleaseUnreadable(ctx context.Context, reason string) error {
	err := k.Keeper.ReleaseUnreadable(ctx, reason)
	return errors.Join(err, k.record(ctx, accesslog.Record{Operation: accesslog.OpRelease}, asked{All: true, Reason: reason}, err))
}

// DeleteAtVeriff records what Veriff was asked, and its answer.
func (k *recorded) DeleteAtVeriff(ctx context.Context, id veriff.SessionID) (veriff.Deletion, error) {
	d, err := k.Keeper.DeleteAtVeriff(ctx, id)
	r := accesslog.Record{Operation: accesslog.OpDelete, Session: id.String()}
	return d, errors.Join(err, k.record(ctx, r, asked{Result: d}, err))
}
