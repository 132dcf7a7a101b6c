package library

import (
	"context"
	"errors"
	"maps"

	"veriffs/internal/answers"
	"veriffs/veriff"
)

// fence keeps what an erasure takes from coming back while it is at work. Whoever
// wants such a file or listing waits until the erasure has ended; work that is
// begun all the same fails with errFenced, before it stores anything.
type fence struct {
	everything bool
	sessions   map[veriff.SessionID]bool
	thinned    map[veriff.SessionID]bool
	attempts   map[veriff.AttemptID]remains
	lists      func(veriff.SessionID, veriff.AttemptID, veriff.MediaID) (listed, known bool)
	down       chan struct{} // closed when the erasure has ended
}

// errFenced is never seen outside of the library: see behindFence.
var errFenced = answers.ErrGated

func newFence(d *doomed) *fence {
	return &fence{
		everything: d.everything, sessions: maps.Clone(d.sessions), thinned: maps.Clone(d.thinned),
		attempts: maps.Clone(d.attempts), lists: d.lists, down: make(chan struct{}),
	}
}

func (f *fence) hasSession(id veriff.SessionID) bool { return f.everything || f.sessions[id] }

func (f *fence) hasAttempt(id veriff.AttemptID) bool {
	left, doomed := f.attempts[id]
	return f.everything || doomed && !left.exists
}

func (f *fence) hasFile(file *File) bool {
	left, doomed := f.attempts[file.In.Attempt]
	if f.hasSession(file.In.Session) || doomed && !left.listed {
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
