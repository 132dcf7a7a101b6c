package library

import (
	"context"
	"errors"
	"fmt"

	"veriffs/internal/erasure"
	"veriffs/veriff"
)

// Erasure is the evidence of an erasure.
type Erasure = erasure.Evidence

// EraseSession erases everything that is kept of a session: see
// [erasure.Eraser.Session].
//
// Errors: ErrHeld if it is held; nothing is erased then.
func (l *Library) EraseSession(ctx context.Context, id veriff.SessionID) (Erasure, error) {
	return l.eraser.Session(ctx, id)
}

// EraseAll erases everything that is kept of every session, but for what is held with
// exceptHeld: see [erasure.Eraser.All].
func (l *Library) EraseAll(ctx context.Context, exceptHeld bool) (Erasure, error) {
	return l.eraser.All(ctx, exceptHeld)
}

// DeleteAtVeriff asks Veriff to delete a session: see [veriff.Client.DeleteSession],
// whose errors it returns, or ErrHeld, also if it is not known whether it is held. It
// erases nothing here. If the API says that there is nothing to delete, it is asked whether
// the session is there, because deleting may only not be switched on: veriff.ErrRefused.
func (l *Library) DeleteAtVeriff(ctx context.Context, id veriff.SessionID) (veriff.Deletion, error) {
	if err := l.eraser.RefuseDeletion(ctx, id); err != nil {
		return veriff.Deletion{Session: id.String()}, fmt.Errorf("library: delete session %s at Veriff: %w", id, err)
	}
	d, err := l.client.DeleteSession(ctx, id)
	if errors.Is(err, veriff.ErrNotFound) {
		if _, listed := l.client.SessionMedia(ctx, id); listed == nil {
			err = fmt.Errorf("delete session %s: %w: the session is there, but deleting it is not switched on: %s", id, veriff.ErrRefused, err.Error())
		}
	}
	return d, err
}

// stop ends the work under way on what the fence of an erasure keeps out.
func (l *Library) stop(ctx context.Context, f *erasure.Fence) error {
	ofSession := func(k documentID) bool { return f.HasSession(k.Session) }
	return errors.Join(l.listings.answers.Stop(ctx, f.HasSession), l.attempts.answers.Stop(ctx, f.HasAttempt),
		l.documents.answers.Stop(ctx, ofSession), l.documents.bodies.Stop(ctx, erasure.ErrFenced, ofSession),
		l.files.fetches.Stop(ctx, erasure.ErrFenced, func(id veriff.MediaID) bool {
			fetched := l.files.fetched(id)
			return fetched != nil && f.HasFile(fetched)
		}))
}
