package erasure

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"veriffs/cache"
	"veriffs/internal/hold"
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
	if e.Unreadable != nil {
		why = append(why, e.Unreadable.Error())
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

// RefuseHeld returns the holds of sessions, as a *HeldError, or that it is not known
// who is held. A hold whose time has run out ends here.
func (e *Eraser) RefuseHeld(ids []veriff.SessionID) ([]hold.Report, error) {
	why := &HeldError{Unreadable: e.Holds.Broken()}
	for _, id := range ids {
		r := e.Holds.Of(id)
		if r != nil && r.Expired(e.Now()) {
			if err := e.EndHold(r); err == nil {
				continue
			}
		}
		if r != nil {
			why.Holds = append(why.Holds, r.Report())
		}
	}
	if len(why.Holds) == 0 && why.Unreadable == nil {
		return nil, nil
	}
	return why.Holds, why
}

// RefuseDeletion is RefuseHeld for what can't be undone. It also refuses as long as secrets
// that are not configured have sealed holds: one of them may be the session's.
func (e *Eraser) RefuseDeletion(id veriff.SessionID) error {
	if _, err := e.RefuseHeld([]veriff.SessionID{id}); err != nil {
		return err
	}
	if foreign, err := e.Cache.Holds().Foreign(); err != nil || foreign > 0 {
		return errors.Join(err, &HeldError{Foreign: foreign})
	}
	return nil
}

// refuseAll is RefuseHeld for everything there is. With except, holds that are known
// are no reason to refuse.
func (e *Eraser) refuseAll(except bool) ([]hold.Report, error) {
	var ids []veriff.SessionID
	for _, r := range e.Holds.All() {
		ids = append(ids, r.Session)
	}
	held, err := e.RefuseHeld(ids)
	foreign, unknown := e.Cache.Holds().Foreign()
	var why *HeldError
	if !errors.As(err, &why) {
		why = &HeldError{}
	}
	why.Foreign = foreign
	switch {
	case unknown != nil:
		return held, unknown
	case why.Unreadable != nil, !except && (len(why.Holds) > 0 || foreign > 0):
		return held, why
	}
	return held, nil
}

// refused is what an erasure says that a hold forbids.
func (e *Eraser) refused(session string, held []hold.Report) Evidence {
	now := e.Now()
	return Evidence{
		Session: session, Held: held, Secrets: e.Secrets, Pages: pagesNone,
		Report: cache.Report{Started: now, Finished: now, Erased: []cache.Erased{}, Unknown: []string{}},
	}
}
