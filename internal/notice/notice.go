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
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"veriffs/internal/hold"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// ErrStore says that the team's store could not be asked, or did not do it.
var ErrStore = errors.New("the team store does not keep or tell holds at present")

// ErrSilent says, beside ErrStore, that the store does not answer at all.
var ErrSilent = team.ErrSilent

// ErrElsewhere says that a hold may have a notice in a team's store, and there is none.
var ErrElsewhere = errors.New("it is in a team store, where it would go on holding the session for all")

// ErrCopied says that another cache keeps a notice that this one has put.
var ErrCopied = errors.New("another cache keeps the notice of this hold: one of the two is a copy of the other")

// errNameless says that a record has no name for its notice.
var errNameless = errors.New("notice: the hold has no name for a notice")

// Member says who has a hold.
type Member = hold.Member

// Board is where a team leaves notices.
type Board struct {
	team   *team.Store
	member func(make bool) Member
}

// New returns the board of a team's store, nil for none. member says who we are; with make
// it makes the key that names us if there is none.
func New(s *team.Store, member func(make bool) Member) *Board {
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
	// Left says that this cache has put it, and has no record of a hold of the session:
	// that was lost, or released without the store.
	Left bool `json:"left,omitempty"`
	// Here says that another cache of this installation has put it.
	Here bool `json:"this_installation,omitempty"`
}

// outlasts reports whether another cache, which has the same record, has extended a hold.
func (p *Posted) outlasts(r *hold.Record, self Member) bool {
	return !p.SameCache(self) && !r.Until.IsZero() && (p.Until.IsZero() || p.Until.After(r.Until))
}

func (b *Board) text(r *hold.Record) []byte { return r.Notice(b.member(true)).Encode() }

// self is who we are, as others read it.
func (b *Board) self() Member { return b.member(false).Legible() }

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
// goes in any case: once nobody has that secret it would be a hold that nobody reads. ours
// says that this process has put the notice: if it is another cache's now, which has the same
// record, it stays that one's.
//
// Errors: ErrCopied; those of the store.
func (b *Board) Keep(ctx context.Context, r *hold.Record, ours bool) error {
	if b == nil {
		return nil
	}
	if len(r.Notices) == 0 {
		return errNameless
	}
	key := store.NoticeKey(r.Session, r.Notices[0])
	there, err := team.ReadNote(ctx, b.team, key)
	if err == nil && !bytes.Equal(there, b.text(r)) {
		found, _, malformed := hold.DecodeNotice(there)
		if ours && malformed == nil && !found.SameCache(b.self()) {
			return ErrCopied
		}
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

// Withdraw removes the notices of a hold, and those that this cache has put of an earlier
// hold of the session, whose record it has lost. It returns those of the hold that another
// cache has put, which has the same record. They stay if ours says that this process had put
// them: the other one keeps them.
func (b *Board) Withdraw(ctx context.Context, r *hold.Record, ours bool) (others []Posted, err error) {
	if b == nil {
		return nil, nil
	}
	all, err := b.of(ctx, r.Session)
	if err != nil {
		return nil, err
	}
	names := slices.Clone(r.Notices)
	for _, p := range all {
		switch named := slices.Contains(names, p.Name); {
		case named && !p.SameCache(b.self()):
			if others = append(others, p); ours {
				names = slices.DeleteFunc(names, func(name string) bool { return name == p.Name })
			}
		case p.Left && !named:
			names = append(names, p.Name)
		}
	}
	for _, name := range names {
		if err := b.remove(ctx, r.Session, name); err != nil {
			return others, err
		}
	}
	return others, nil
}

// of returns all notices of a session, as far as they can be read.
func (b *Board) of(ctx context.Context, id veriff.SessionID) ([]Posted, error) {
	all, err := b.Others(ctx, hold.NewSet(nil, nil, nil))
	if errors.Is(err, ErrStore) {
		return nil, err
	}
	return slices.DeleteFunc(all, func(p Posted) bool { return p.ID != id }), nil
}

// Left returns the notices of a session that this cache has put.
//
// Errors: those of the store.
func (b *Board) Left(ctx context.Context, id veriff.SessionID) ([]Posted, error) {
	all, err := b.of(ctx, id)
	return slices.DeleteFunc(all, func(p Posted) bool { return !p.Left }), err
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
// order of their sessions: all but those that the holds of this cache have. What it has put
// of a session that it does not hold is among them, and what a copy of it holds for longer.
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
	if unreadable == nil {
		unreadable = &team.UnreadableError{Store: b.team.String()}
	}
	var self Member
	if len(notes) > 0 {
		self = b.self()
	}
	for _, n := range notes {
		found, id, err := hold.DecodeNotice(n.Text)
		name, ok := store.NoticeName(n.Key, id)
		if err != nil || !ok {
			unreadable.Unknown = append(unreadable.Unknown, n.Object)
			continue
		}
		p := Posted{Notice: found, ID: id, Name: name, Object: n.Object.Name}
		if self.Installation != "" && found.Installation == self.Installation {
			p.Left = found.Member == self
			p.Here = !p.Left
		}
		if r := own.Of(id); r == nil || !p.Left && (!slices.Contains(r.Notices, name) || p.outlasts(r, self)) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b Posted) int {
		if c := a.ID.Compare(b.ID); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	if len(unreadable.Objects)+len(unreadable.Unknown) > 0 {
		return all, unreadable
	}
	return all, nil
}
