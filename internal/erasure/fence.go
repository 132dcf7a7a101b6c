package erasure

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"

	"veriffs/internal/answers"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// Fence keeps what an erasure takes, or may take because it is not known whose it is,
// from coming back while it is at work. Whoever wants such a file or listing waits
// until the erasure has ended: see [Behind]. Work that is begun all the same fails with
// ErrFenced before it stores anything, and work that was under way is stopped.
type Fence struct {
	everything bool
	sessions   map[veriff.SessionID]bool
	thinned    map[veriff.SessionID]bool
	attempts   map[veriff.AttemptID]remains
	knowledge
	down chan struct{} // closed when the erasure has ended
}

// ErrFenced is the error of work on what an erasure takes. Whoever waits for the work
// never sees it: see [Behind].
var ErrFenced = answers.ErrGated

func newFence(d *doomed) *Fence {
	return &Fence{
		everything: d.everything, sessions: maps.Clone(d.sessions), thinned: maps.Clone(d.thinned),
		attempts: maps.Clone(d.attempts), knowledge: d.knowledge, down: make(chan struct{}),
	}
}

// HasSession reports whether a session is erased whole.
func (f *Fence) HasSession(id veriff.SessionID) bool { return f.everything || f.sessions[id] }

// HasAttempt reports whether an attempt, with its listing, is or may be erased.
func (f *Fence) HasAttempt(id veriff.AttemptID) bool {
	left, doomed := f.attempts[id]
	return doomed && !left.exists || f.mayHave(veriff.SessionID{}, id)
}

// mayHave reports whether what is of a session, zero if that is not known, and of an
// attempt may be of a session that is erased whole.
func (f *Fence) mayHave(session veriff.SessionID, attempt veriff.AttemptID) bool {
	if session.IsZero() {
		session = f.owner(attempt)
	}
	return f.HasSession(session) || session.IsZero() && len(f.sessions) > 0
}

// HasFile reports whether a file is or may be erased.
func (f *Fence) HasFile(file *listing.File) bool {
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

// About is what work is about: whether a fence has it.
type About func(*Fence) bool

// OfSession is work on a session, with its listing and documents.
func OfSession(id veriff.SessionID) About { return func(f *Fence) bool { return f.HasSession(id) } }

// OfAttempt is work on the listing of an attempt.
func OfAttempt(id veriff.AttemptID) About { return func(f *Fence) bool { return f.HasAttempt(id) } }

// OfFile is work on a file.
func OfFile(file *listing.File) About { return func(f *Fence) bool { return f.HasFile(file) } }

// Gate is where work meets the fence of the erasure that is under way. The zero Gate
// is open.
type Gate struct {
	fence atomic.Pointer[Fence]
	apart atomic.Pointer[Fence]
}

// Apart reports whether the team's store is being rid of what work is about, which must
// not be taken from there meanwhile.
func (g *Gate) Apart(from About) bool {
	f := g.apart.Load()
	return f != nil && from(f)
}

// Shut reports whether the erasure that is under way takes what work is about.
func (g *Gate) Shut(to About) bool {
	f := g.fence.Load()
	return f != nil && to(f)
}

// raise puts a fence up, until lower is called.
func (g *Gate) raise(f *Fence) (lower func()) {
	g.fence.Store(f)
	return sync.OnceFunc(func() {
		g.fence.Store(nil)
		close(f.down)
	})
}

// Behind does work once no erasure takes what it is about. Work that found out on its
// way that one does is done again after it.
func Behind[V any](ctx context.Context, g *Gate, about About, work func() (V, error)) (v V, err error) {
	for {
		if f := g.fence.Load(); f != nil && (about(f) || errors.Is(err, ErrFenced)) {
			select {
			case <-f.down:
			case <-ctx.Done():
				return v, context.Cause(ctx)
			}
		}
		if v, err = work(); !errors.Is(err, ErrFenced) {
			return v, err
		}
	}
}
