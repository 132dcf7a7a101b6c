package control

import (
	"context"
	"errors"
	"fmt"

	"veriffs/internal/accesslog"
	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// Recorded returns a Keeper that records each command once it has ended, as one of
// the process at the other end of the control socket or else of this process. A
// record that fails makes the command fail, though it was done.
func Recorded(k Keeper, to accesslog.Recorder) Keeper { return &recorded{k, to} }

type recorded struct {
	Keeper
	log accesslog.Recorder
}

// mostSessions bounds the sessions that a record names.
const mostSessions = 1000

// asked is what a command was about, as the detail of its record.
type asked struct {
	Names      []string `json:"names,omitempty"`
	Sessions   []string `json:"sessions,omitempty"` // the first, of many
	All        bool     `json:"all,omitempty"`
	Team       bool     `json:"team,omitempty"`
	ExceptHeld bool     `json:"except_held,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	MaxAge     string   `json:"max_age,omitempty"`
	Result     any      `json:"result,omitempty"`
	Receipt    *Receipt `json:"receipt,omitempty"`
	listing.Selection
}

// Warm records what was fetched, and what it did not get.
func (k *recorded) Warm(ctx context.Context, o warming.Options, progress func(warming.Progress)) (warming.Progress, error) {
	done, err := k.Keeper.Warm(ctx, o, progress)
	about := asked{Names: o.Names, Selection: o.Selection, Team: o.Team, All: len(o.Sessions)+len(o.Names) == 0, Result: done}
	about.Sessions = texts(o.Sessions[:min(len(o.Sessions), mostSessions)])
	r := accesslog.Record{Operation: accesslog.OpWarm}
	if len(o.Sessions) == 1 {
		r.Session = o.Sessions[0].String()
	}
	failed := err
	if failed == nil && done.Failed > 0 {
		failed = fmt.Errorf("%d could not be fetched", done.Failed)
	}
	if failed == nil && done.TeamFailed > 0 {
		failed = fmt.Errorf("%d could not be added to the team store", done.TeamFailed)
	}
	return done, errors.Join(err, k.record(ctx, r, about, failed))
}

// EraseSession records the evidence without the names of the objects.
func (k *recorded) EraseSession(ctx context.Context, id veriff.SessionID) (library.Erasure, error) {
	e, err := k.Keeper.EraseSession(ctx, id)
	r := accesslog.Record{Operation: accesslog.OpPurge, Session: id.String()}
	return e, errors.Join(err, k.record(ctx, r, asked{Result: numbers(e)}, err))
}

// EraseAll is EraseSession of everything.
func (k *recorded) EraseAll(ctx context.Context, exceptHeld bool) (library.Erasure, error) {
	e, err := k.Keeper.EraseAll(ctx, exceptHeld)
	return e, errors.Join(err, k.record(ctx, accesslog.Record{Operation: accesslog.OpPurge}, asked{All: true, ExceptHeld: exceptHeld, Result: numbers(e)}, err))
}

// erased is an Erasure in numbers.
type erased struct {
	library.Erasure
	Erased int `json:"erased"`
}

func numbers(e library.Erasure) erased {
	n := erased{e, len(e.Erased)}
	n.Erasure.Erased, n.Held, n.HeldByTeam = nil, nil, nil
	for _, h := range e.Held {
		n.Held = append(n.Held, nameless(h))
	}
	for _, h := range e.HeldByTeam {
		h.By, h.Cache = "", "" // the log has ids of users
		n.HeldByTeam = append(n.HeldByTeam, h)
	}
	return n
}

// Evict records what was evicted.
func (k *recorded) Evict(ctx context.Context, names []string) (library.Evicted, error) {
	e, err := k.Keeper.Evict(ctx, names)
	r := accesslog.Record{Operation: accesslog.OpEvict}
	if len(names) == 1 {
		r = about(r, names[0])
	}
	return e, errors.Join(err, k.record(ctx, r, asked{Names: names, All: len(names) == 0, Result: e}, err))
}

// Pin records what is pinned.
func (k *recorded) Pin(ctx context.Context, name string) (library.Pinned, error) {
	p, err := k.Keeper.Pin(ctx, name)
	return p, errors.Join(err, k.record(ctx, about(accesslog.Record{Operation: accesslog.OpPin}, name), asked{Names: []string{name}, Result: p}, err))
}

// Unpin records what was unpinned.
func (k *recorded) Unpin(ctx context.Context, name string) (library.Pinned, error) {
	p, err := k.Keeper.Unpin(ctx, name)
	return p, errors.Join(err, k.record(ctx, about(accesslog.Record{Operation: accesslog.OpUnpin}, name), asked{Names: []string{name}, Result: p}, err))
}

// Audit records what was found in numbers.
func (k *recorded) Audit(ctx context.Context) (library.Audited, error) {
	a, err := k.Keeper.Audit(ctx)
	failed := err
	if failed == nil && len(a.Damaged) > 0 {
		failed = fmt.Errorf("%d objects are damaged", len(a.Damaged))
	}
	return a, errors.Join(err, k.record(ctx, accesslog.Record{Operation: accesslog.OpVerify}, asked{All: true, Result: audited{a, len(a.Damaged)}}, failed))
}

// audited is an Audited in numbers.
type audited struct {
	library.Audited
	Damaged int `json:"damaged"`
}

// about adds whose files a name stands for, if it says so: an id alone does not.
func about(r accesslog.Record, name string) accesslog.Record {
	n, err := listing.ParseName(name)
	switch {
	case err != nil || n.Tree == "":
		return r
	case n.Tree == listing.AttemptsTree:
		r.Attempt = n.ID
	default:
		r.Session = n.ID
	}
	if n.File != "" && n.Tree != listing.ContextsTree {
		r.Media = n.File[:listing.IDLen]
	}
	return r
}

func (k *recorded) record(ctx context.Context, r accesslog.Record, about asked, err error) error {
	r.Outcome = accesslog.Success
	switch {
	case err == nil:
	case errors.Is(err, library.ErrHeld):
		r.Outcome, r.Error = accesslog.Refused, err.Error()
	default:
		r.Outcome, r.Error = accesslog.Failed, err.Error()
	}
	return write(ctx, k.log, r, about)
}

// write records what the process at the other end of the control socket, or else this
// one, has asked for.
func write(ctx context.Context, to accesslog.Recorder, r accesslog.Record, about asked) error {
	who := peerOf(ctx)
	r.Caller, r.Detail = &who, accesslog.Detail(about)
	if err := to.Record(context.WithoutCancel(ctx), r); err != nil {
		return fmt.Errorf("control: %w: %w", ErrNotRecorded, err)
	}
	return nil
}
