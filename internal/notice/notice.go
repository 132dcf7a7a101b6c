// Package notice tells the members of a team of each other's holds: each hold of a cache
// has a notice in the team's store, as long as it stands.
//
// Promises. A notice is sealed like the files there. What can't be read is an error and
// never "nobody holds it". Nothing waits for the store for longer than some seconds
// without an answer.
//
// Not promised: that a notice is there. The owner of the store can remove it, and the
// store may be out of reach when it is to be put; whoever keeps a hold looks again.
//
// A [Board] has no state and may be used by any number of goroutines. The methods of a nil
// Board find nothing and do nothing.
package notice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"veriffs/internal/hold"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// ErrStore says that the team's store could not be asked, or did not do it.
var ErrStore = errors.New("the team store does not keep or tell holds at present")

// ErrSilent says, beside ErrStore, that the store does not answer at all.
var ErrSilent = team.ErrSilent

// errNameless says that a record has no name for its notice.
var errNameless = errors.New("notice: the hold has no name for a notice")

// Member says who has a hold.
type Member struct {
	Installation string // the fingerprint of its key; "" if there is none
	Host         string
}

// Board is where a team leaves notices.
type Board struct {
	team   *team.Store
	member func() Member
}

// New returns the board of a team's store, nil for none. member says who we are.
func New(s *team.Store, member func() Member) *Board {
	if s == nil {
		return nil
	}
	return &Board{s, member}
}

// Posted is a notice that was found.
type Posted struct {
	hold.Notice
	ID     veriff.SessionID `json:"-"`
	Name   string           `json:"-"`      // of the notice, among those of its session
	Object string           `json:"object"` // its name in the store
}

func (b *Board) text(r *hold.Record) []byte {
	m := b.member()
	return r.Notice(m.Installation, m.Host).Encode()
}

// Post puts the notice of a hold, which must have a name for it.
func (b *Board) Post(ctx context.Context, r *hold.Record) error {
	if b == nil {
		return nil
	}
	if len(r.Notices) == 0 {
		return errNameless
	}
	if err := team.PutNote(ctx, b.team, store.NoticeKey(r.Session, r.Notices[0]), b.text(r)); err != nil {
		return fmt.Errorf("notice: session %s: %w: %w", r.Session, ErrStore, err)
	}
	return nil
}

// Keep is Post, if the notice is not there or is another one. What an older secret has sealed
// goes in any case: once nobody has that secret it would be a hold that nobody reads.
func (b *Board) Keep(ctx context.Context, r *hold.Record) error {
	if b == nil {
		return nil
	}
	if len(r.Notices) == 0 {
		return errNameless
	}
	key := store.NoticeKey(r.Session, r.Notices[0])
	there, err := team.HasNote(ctx, b.team, key, b.text(r))
	if err == nil && !there {
		return b.Post(ctx, r)
	}
	if err == nil {
		err = team.RemoveOlderNotes(ctx, b.team, key)
	}
	if err != nil {
		return fmt.Errorf("notice: session %s: %w: %w", r.Session, ErrStore, err)
	}
	return nil
}

// Withdraw removes the notices of a hold.
func (b *Board) Withdraw(ctx context.Context, r *hold.Record) error {
	if b == nil {
		return nil
	}
	for _, name := range r.Notices {
		if err := b.remove(ctx, r.Session, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *Board) remove(ctx context.Context, id veriff.SessionID, name string) error {
	if err := team.RemoveNote(ctx, b.team, store.NoticeKey(id, name)); err != nil {
		return fmt.Errorf("notice: session %s: %w: %w", id, ErrStore, err)
	}
	return nil
}

// Sweep removes a notice that was found.
func (b *Board) Sweep(ctx context.Context, p Posted) error { return b.remove(ctx, p.ID, p.Name) }

// Others returns the notices of other members, those whose time has run out too, in the
// order of their sessions: all but those that the holds of this cache have.
//
// Errors: a *team.UnreadableError if there are others that can't be read; those of the
// store.
func (b *Board) Others(ctx context.Context, own *hold.Set) (all []Posted, err error) {
	if b == nil {
		return nil, nil
	}
	notes, err := team.Notes(ctx, b.team)
	var unreadable *team.UnreadableError
	if err != nil && !errors.As(err, &unreadable) {
		return nil, fmt.Errorf("notice: %w: %w", ErrStore, err)
	}
	var malformed []string
	if unreadable != nil {
		malformed = unreadable.Objects
	}
	for _, n := range notes {
		found, id, err := hold.DecodeNotice(n.Text)
		name, ok := store.NoticeName(n.Key, id)
		if err != nil || !ok {
			malformed = append(malformed, n.Object)
			continue
		}
		if r := own.Of(id); r == nil || !slices.Contains(r.Notices, name) {
			all = append(all, Posted{found, id, name, n.Object})
		}
	}
	slices.SortFunc(all, func(a, b Posted) int {
		if c := a.ID.Compare(b.ID); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	if len(malformed) > 0 {
		return all, &team.UnreadableError{Objects: malformed}
	}
	return all, nil
}

// Standing returns those of notices whose time has not run out.
func Standing(all []Posted, now time.Time) []Posted {
	return slices.DeleteFunc(slices.Clone(all), func(p Posted) bool { return p.Expired(now) })
}
