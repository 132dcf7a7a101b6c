package library

import (
	"context"
	"errors"
	"maps"

	"veriffs/internal/answers"
	"veriffs/veriff"
)

// fence keeps what an erasure takes, or may take because it is not known whose it is,
// from coming back while it is at work. Whoever wants such a file or listing waits
// until the erasure has ended. Work that is begun all the same fails with errFenced
// before it stores anything, and work that was under way is stopped: see eraser.stop.
type fence struct {
	everything bool
	sessions   map[veriff.SessionID]bool
	thinned    map[veriff.SessionID]bool
	attempts   map[veriff.AttemptID]remains
	owner      func(veriff.AttemptID) veriff.SessionID // zero if it is not known
	lists      func(veriff.SessionID, veriff.AttemptID, veriff.MediaID) (listed, known bool)
	down       chan struct{} // closed when the erasure has ended
}

// errFenced is never seen outside of the library: see behindFence.
var errFenced = answers.ErrGated

func newFence(d *doomed) *fence {
	return &fence{
		everything: d.everything, sessions: maps.Clone(d.sessions), thinned: maps.Clone(d.thinned),
		attempts: maps.Clone(d.attempts), owner: d.owner, lists: d.lists, down: make(chan struct{}),
	}
}

func (f *fence) hasSession(id veriff.SessionID) bool { return f.everything || f.sessions[id] }

func (f *fence) hasAttempt(id veriff.AttemptID) bool {
	left, doomed := f.attempts[id]
	return doomed && !left.exists || f.mayHave(veriff.SessionID{}, id)
}

// mayHave reports whether what is of a session, zero if that is not known, and of an
// attempt may be of a session that is erased whole.
func (f *fence) mayHave(session veriff.SessionID, attempt veriff.AttemptID) bool {
	if session.IsZero() {
		session = f.owner(attempt)
	}
	return f.hasSession(session) || session.IsZero() && len(f.sessions) > 0
}

func (f *fence) hasFile(file *File) bool {
	left, doomed := f.attempts[file.In.Attempt]
	if f.mayHave(file.In.Session, file.In.Attempt) || doomed && !left.listed {
		return true
	}
	if !doomed && !f.thinned[file.In.Session] {
		return false
	}
	listed, known := f.lists(file.In.Session, file.In.Attempt, file.ID)
	return !listed && known
}

// fenced reports whether the erasure at work takes something.
func (c *core) fenced(has func(*fence) bool) bool {
	f := c.fence.Load()
	return f != nil && has(f)
}

// behindFence does work once no erasure takes what it is about. Work that found
// out on its way that one does is done again after it.
func behindFence[V any](ctx context.Context, c *core, has func(*fence) bool, work func() (V, error)) (v V, err error) {
	for {
		if f := c.fence.Load(); f != nil && (has(f) || errors.Is(err, errFenced)) {
			select {
			case <-f.down:
			case <-ctx.Done():
				return v, context.Cause(ctx)
			}
		}
		if v, err = work(); !errors.Is(err, errFenced) {
			return v, err
		}
	}
}

// stop ends the work under way on what a fence keeps out. Nothing else is waited for:
// it may take long, and is none of the erasure's business.
func (l *eraser) stop(ctx context.Context, up *fence) error {
	ofSession := func(k documentKey) bool { return up.hasSession(k.session) }
	return errors.Join(l.listings.answers.Stop(ctx, up.hasSession), l.attempts.answers.Stop(ctx, up.hasAttempt),
		l.documents.answers.Stop(ctx, ofSession), l.documents.bodies.Stop(ctx, errFenced, ofSession),
		l.files.fetches.Stop(ctx, errFenced, func(id veriff.MediaID) bool {
			f := l.files.fetched(id)
			return f != nil && up.hasFile(f)
		}))
}
