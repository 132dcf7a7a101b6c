package fs

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/access"
	"veriffs/internal/accesslog"
	"veriffs/internal/caller"
)

// Who is turned away again and again, such as by find, must not fill the access log,
// nor hide that others are turned away, too.
const (
	turnedAwayMost   = 20 // records for each user …
	turnedAwayWithin = time.Minute
)

// gate lets in those who may read the mount. Whoever comes by a path asks for its names
// one after the other, and is asked for at each: with readers, the kernel may cache
// no name (see settings). What it caches of a file or directory is then shown
// only to those who were let in to it, or got a descriptor of it from somebody who was.
type gate struct {
	readers    *access.Readers // nil: whomever the kernel lets in
	opens      *access.Budget  // of media files; nil: as many as they like
	turnedAway *access.Budget  // of records of those who are not let in
}

func newGate(o Options) gate {
	return gate{o.Readers, o.OpenBudget, access.NewBudget(turnedAwayMost, turnedAwayWithin)}
}

// closed reports whether some users may not read.
func (g *gate) closed() bool { return g.readers != nil }

// admit returns access.ErrNotAllowed unless the caller may read.
func (g *gate) admit(ctx context.Context) error {
	if !g.closed() {
		return nil
	}
	from, ok := fuse.FromContext(ctx)
	if !ok {
		return access.ErrNotAllowed
	}
	return g.readers.Admit(from.Uid, from.Gid, func() ([]uint32, error) { return caller.Groups(from.Pid, from.Uid, from.Gid) })
}

// mayOpen says whether the caller may open a file. If the file counts, that takes one
// from the caller's budget.
func (t *tree) mayOpen(ctx context.Context, counts bool) error {
	err := t.admit(ctx)
	if err == nil && counts && t.opens != nil {
		err = t.spend(ctx)
	}
	if err != nil {
		t.lib.CountRefused()
	}
	return err
}

func (t *tree) spend(ctx context.Context) error {
	from, ok := fuse.FromContext(ctx)
	if !ok {
		return access.ErrSpent
	}
	ok, news := t.opens.Spend(from.Uid, time.Now())
	if news {
		t.log.Warn("a user has opened as many files as --open-budget allows; until some of the time has passed, opens fail with EDQUOT",
			"uid", from.Uid, "budget", t.opens.String())
	}
	if !ok {
		return fmt.Errorf("%w: %s opens", access.ErrSpent, t.opens)
	}
	return nil
}

// enter lets the caller look at what is below a directory, or turns it away: that is
// recorded, with the session or attempt that it asked for, if any.
func (t *tree) enter(ctx context.Context, kind, id string) syscall.Errno {
	err := t.admit(ctx)
	if err == nil {
		return 0
	}
	t.lib.CountRefused()
	from, ok := fuse.FromContext(ctx)
	if !ok {
		return errnoOf(err)
	}
	if few, news := t.turnedAway.Spend(from.Uid, time.Now()); !few {
		if news {
			t.log.Warn("a user who may not read is turned away again and again; not each time is recorded", "uid", from.Uid)
		}
		return errnoOf(err)
	}
	// Who is turned away is so whether it can be recorded or not.
	_ = t.accounts.record(ctx, accesslog.OpEnter, err, func(r *accesslog.Record) {
		switch kind {
		case kindSession:
			r.Session = id
		case kindAttempt:
			r.Attempt = id
		}
	})
	if kind == "" {
		return t.fail(err, "look")
	}
	return t.fail(err, "look", slog.String(kind, id))
}
