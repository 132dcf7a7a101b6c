package erasure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"veriffs/cache"
	"veriffs/internal/hold"
	"veriffs/internal/notice"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// ErrHeld is the error of what a hold forbids: see [HeldError].
var ErrHeld = errors.New("held")

// HeldError says which holds forbid something.
type HeldError struct {
	Holds []hold.Report
	// Unreadable says why the records of some can't be read; nil if all can be.
	Unreadable error
	// Foreign is the number of secrets that are not configured and have sealed holds.
	Foreign int
	// Others are holds of other members of the team.
	Others []notice.Posted
	// UnreadableNotices says which of the others' can't be read; nil if all can be.
	UnreadableNotices *team.UnreadableError
}

func (e *HeldError) Error() string {
	var why []string
	for i, h := range e.Holds {
		if i == 3 {
			why = append(why, fmt.Sprintf("and %d more sessions are held", len(e.Holds)-i))
			break
		}
		why = append(why, fmt.Sprintf("session %s is held since %s (%s)", h.Session, h.Since.Format(time.DateOnly), h.Reason))
	}
	for _, p := range e.Others {
		since := p.Since.Format(time.DateOnly)
		switch {
		case p.Left:
			why = append(why, fmt.Sprintf("session %s is held in the team store since %s, by a hold of this cache of which it has no record any more (%s: %s)", p.Session, since, p.Object, p.Reason))
		case p.Here:
			why = append(why, fmt.Sprintf("session %s is held by another cache of this installation since %s (on %s: %s)", p.Session, since, p.Host, p.Reason))
		default:
			why = append(why, fmt.Sprintf("session %s is held by another member of the team since %s (%s: %s)", p.Session, since, p.Whose(), p.Reason))
		}
	}
	if e.Unreadable != nil {
		why = append(why, e.Unreadable.Error())
	}
	if e.UnreadableNotices != nil {
		why = append(why, "what other members of the team hold is not known: "+e.UnreadableNotices.Error())
	}
	switch {
	case e.Foreign == 1:
		why = append(why, "a secret that is not configured has sealed holds")
	case e.Foreign > 1:
		why = append(why, fmt.Sprintf("%d secrets that are not configured have sealed holds", e.Foreign))
	}
	return strings.Join(why, ", ")
}

func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// OrNil returns e, or nil if it forbids nothing.
func (e *HeldError) OrNil() error {
	if len(e.Holds)+len(e.Others)+e.Foreign == 0 && e.Unreadable == nil && e.UnreadableNotices == nil {
		return nil
	}
	return e
}

// Unlisted says which holds of a cache nobody can list: it has no Holds.
func Unlisted(h *hold.Set, c *cache.Cache) (*HeldError, error) {
	foreign, err := c.Holds().Foreign()
	return &HeldError{Unreadable: h.Broken(), Foreign: foreign}, err
}

// RefuseHeld returns the holds of sessions, as a *HeldError, or that it is not known
// who is held. A hold whose time has run out ends here.
func (e *Eraser) RefuseHeld(ids []veriff.SessionID) ([]hold.Report, error) {
	why := &HeldError{Unreadable: e.Holds.Broken()}
	for _, id := range ids {
		r := e.Holds.Of(id)
		if r != nil && r.Expired(e.Now()) {
			if err := e.EndHold(id, func(r *hold.Record) bool { return r.Expired(e.Now()) }); err == nil {
				continue
			}
			r = e.Holds.Of(id) // which somebody may have extended or released
		}
		if r != nil {
			why.Holds = append(why.Holds, r.Report())
		}
	}
	return why.Holds, why.OrNil()
}

// RefuseDeletion is RefuseHeld and RefuseForTeam for what can't be undone. It also refuses
// as long as secrets that are not configured have sealed holds: one of them may be the
// session's.
func (e *Eraser) RefuseDeletion(ctx context.Context, id veriff.SessionID) error {
	if _, err := e.RefuseHeld([]veriff.SessionID{id}); err != nil {
		return err
	}
	if err := e.RefuseForTeam(ctx, id); err != nil {
		return err
	}
	why, err := Unlisted(e.Holds.Set, e.Cache)
	return errors.Join(err, why.OrNil())
}

// refuseAll is RefuseHeld for everything there is. With except, holds that are known
// are no reason to refuse.
func (e *Eraser) refuseAll(except bool) ([]hold.Report, error) {
	var ids []veriff.SessionID
	for _, r := range e.Holds.All() {
		ids = append(ids, r.Session)
	}
	held, _ := e.RefuseHeld(ids)
	why, err := Unlisted(e.Holds.Set, e.Cache)
	why.Holds = held
	if err == nil && (why.Unreadable != nil || !except) {
		err = why.OrNil()
	}
	return held, err
}

// refused is what an erasure says that a hold forbids.
func (e *Eraser) refused(session string, held []hold.Report) Evidence {
	now := e.Now()
	return Evidence{
		Session: session, Held: held, Secrets: e.Secrets, Pages: pagesNone,
		Report: cache.Report{Started: now, Finished: now, Erased: []cache.Erased{}, Unknown: []string{}},
	}
}
