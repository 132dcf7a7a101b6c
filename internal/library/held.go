package library

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unique"

	"veriffs/cache"
	"veriffs/internal/hold"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// What holds change about listings, documents and erasures. Making and ending them
// is in hold.go.

// maxAttempts is how many attempts the API lists of a session at most: with as many,
// that an older one is missing says nothing.
const maxAttempts = 10

// learn writes down what came to be known of a session, and reports whether it is
// held.
func (c *core) learn(id veriff.SessionID, what ...hold.Learn) (held bool) {
	if c.holds.Of(id) == nil {
		return false
	}
	changed, err := c.holds.Learn(id, what...)
	if err != nil {
		c.log.Error("what is known of a held session could not be written down: what is new of it is not safe from eviction",
			"session", id, "error", err)
	}
	if changed {
		c.observer.tell(Change{Session: id, DocumentsChanged: true})
	}
	return true
}

// learnListing learns from a new listing of a held session, and keeps in it what it
// lacks. It reports whether it lacks files that the hold knows of its attempt.
func (c *core) learnListing(l *Listing, attempts veriff.AttemptList) (lacks bool) {
	r := c.holds.Of(l.Session)
	if r == nil {
		return false
	}
	var what []hold.Learn
	if !l.OfAttempt {
		what = append(what, hold.SessionThere())
	}
	if attempts.Body != nil {
		whole := attempts.Dropped == 0 && attempts.Secret >= 0 && len(attempts.Items) < maxAttempts
		what = append(what, hold.Attempts(attempts.Items, whole, c.now()))
	}
	files, missing := make([]hold.File, len(l.Files)), false
	for i, f := range l.Files {
		missing = missing || !c.mayHave(f.ID)
		files[i] = hold.File{ID: f.ID, Context: f.Context.Value(), MIMEType: f.MIMEType.Value(), Size: f.ListedSize}
	}
	what = append(what, hold.Files(l.Attempt, files, l.Proves && l.OfAttempt, c.now()))
	if missing {
		what = append(what, hold.Whole(time.Time{}))
		defer func() {
			select {
			case c.incomplete <- struct{}{}:
			default:
			}
		}()
	}
	c.learn(l.Session, what...)
	return c.keepHeld(l)
}

// keepHeld adds to a listing what the cache has of its attempt and the API does not
// list any more, and reports whether there is any.
func (c *core) keepHeld(l *Listing) (lacks bool) {
	r := c.holds.Of(l.Session)
	if r == nil {
		return false
	}
	var files []File
	for _, a := range r.Attempts {
		if a.ID != l.Attempt {
			continue
		}
		for _, f := range a.Files {
			if !l.Has(f.ID) && c.mayHave(f.ID) {
				files = append(files, File{ID: f.ID, ListedSize: f.Size, Context: unique.Make(f.Context), MIMEType: unique.Make(f.MIMEType)})
			}
		}
	}
	if len(files) > 0 {
		l.Keep(files)
	}
	return len(files) > 0
}

// mayHave reports whether a file is in the cache, as far as the index knows.
func (c *core) mayHave(id veriff.MediaID) bool {
	return c.cache.Has(store.File(id)) || c.cache.Stats().Loading
}

// given reports whether what a hold knows to be gone since then need not be asked
// for again. r may be nil.
func (c *core) given(r *hold.Record, gone func(*hold.Record) time.Time) bool {
	if r == nil || gone(r).IsZero() {
		return false
	}
	_, again := c.again.Load(r.Session)
	return !again
}

func sessionGone(r *hold.Record) time.Time { return r.Gone }

// hasKept reports whether a hold knows of anything that belongs to a session.
func (c *core) hasKept(id veriff.SessionID) bool {
	r := c.holds.Of(id)
	return r != nil && len(r.Attempts) > 0
}

// kept is what there is of a session that is held and that the API has no more.
func (l *listings) kept(id veriff.SessionID) (*Listing, error) {
	if last, ok := l.Stored(id); ok {
		last.Value.Kept = true
		return last.Value, nil
	}
	return nil, fmt.Errorf("library: session %s, which is held: %w", id, ErrNotFound)
}

// keptDocument returns the stored version of a held document, or the error none.
func (l *documents) keptDocument(k documentKey, none error) (FullDocument, error) {
	if body, label, _, ok := store.Get(l.cache, k.key()); ok && !label.Absent {
		if d, err := documentOf(label, int64(len(body))); err == nil {
			return FullDocument{d, body, label, false}, nil
		}
	}
	if none == nil {
		none = ErrNotFound
	}
	return FullDocument{}, none
}

// emptied reports whether a new version of a document, which shows an attempt (zero:
// none), lacks contents that the stored one has.
func (l *documents) emptied(k documentKey, fresh veriff.Document, attempt veriff.AttemptID) bool {
	old, err := l.keptDocument(k, ErrNotFound)
	if err != nil {
		return false
	}
	_, shown := old.Label.Owners() // another attempt has files of its own
	return shown == attempt && hold.Emptied(old.Body, fresh.Body)
}

// keepStored is keep for a held session's document that lost contents: the stored
// version stays. It reports whether it does.
func (l *documents) keepStored(k documentKey, fresh veriff.Document, attempt veriff.AttemptID) bool {
	if l.holds.Of(k.session) == nil {
		return false
	}
	if !l.emptied(k, fresh, attempt) {
		l.learn(k.session, hold.DocumentThere(k.kind.String()))
		return false
	}
	l.learn(k.session, hold.DocumentGone(k.kind.String(), l.now()))
	if old, err := l.keptDocument(k, ErrNotFound); err == nil {
		l.answers.Put(k, old.Document)
	}
	return true
}

// holdDocument is hold.json.
func (c *core) holdDocument(id veriff.SessionID) (FullDocument, error) {
	r := c.holds.Of(id)
	if r == nil {
		return FullDocument{}, fmt.Errorf("library: session %s is not held: %w", id, ErrNotFound)
	}
	text, err := json.MarshalIndent(r.Report(), "", "  ")
	if err != nil {
		return FullDocument{}, fmt.Errorf("library: hold of session %s: %w", id, err)
	}
	text = append(text, '\n')
	return FullDocument{Document: Document{Size: int64(len(text)), SHA256: sha256.Sum256(text), Received: r.Changed()}, Body: text}, nil
}

// heldAttempts adds to a list of attempts those that it lacks of a held session.
func (c *core) heldAttempts(id veriff.SessionID, listed []veriff.Attempt) []veriff.Attempt {
	r := c.holds.Of(id)
	if r == nil {
		return listed
	}
	has := make(map[veriff.AttemptID]bool)
	for _, a := range listed {
		has[a.ID] = true
	}
	for _, a := range r.Attempts {
		if !has[a.ID] && !a.ID.IsZero() {
			listed = append(listed, veriff.Attempt{ID: a.ID, Created: a.Created})
		}
	}
	return listed
}

// showHeld has every held session in the collection, whatever the sessions files
// say, and its attempts in the catalog, whatever became of that.
func (c *core) showHeld() {
	for _, r := range c.holds.All() {
		if len(r.Attempts) == 0 && !r.Gone.IsZero() {
			continue // there is nothing to show
		}
		c.sessions.Visit(r.Session)
		if len(c.catalog.Of(r.Session)) == 0 {
			c.catalogued(r.Session, nil)
		}
	}
}

// recallHolds shows what is held after a start. A loss that the last process had
// still to erase is the hold's from now on.
func (c *core) recallHolds() {
	if err := c.holds.Broken(); err != nil {
		c.log.Error("the record of a hold can't be read: nothing is erased until it is made again or given up", "error", err)
	}
	for _, r := range c.holds.All() {
		c.takeLossOver(r.Session)
	}
	c.showHeld()
}

// takeLossOver makes a pending loss of a session something that its hold knows.
func (c *core) takeLossOver(id veriff.SessionID) {
	if c.catalog.Losses.Has(id) && c.learn(id, hold.SessionGone(c.now())) {
		c.catalog.Losses.Restore(id, c.attemptsOf(id))
	}
}

// Hold describes a hold.
type Hold = hold.Report

// HeldError says which holds forbid something.
type HeldError struct {
	Holds []Hold
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
	if e.Foreign > 0 {
		why = append(why, fmt.Sprintf("%d secrets that are not configured have sealed holds", e.Foreign))
	}
	return strings.Join(why, ", ")
}

func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// refuseHeld returns the holds of sessions, as a *HeldError, or that it is not known
// who is held. A hold whose time has run out ends here.
func (l *eraser) refuseHeld(ids []veriff.SessionID) ([]Hold, error) {
	e := &HeldError{Unreadable: l.holds.Broken()}
	for _, id := range ids {
		r := l.holds.Of(id)
		if r != nil && r.Expired(l.now()) {
			if err := l.release(r); err == nil {
				continue
			}
		}
		if r != nil {
			e.Holds = append(e.Holds, r.Report())
		}
	}
	if len(e.Holds) == 0 && e.Unreadable == nil {
		return nil, nil
	}
	return e.Holds, e
}

// refused is what an erasure says that a hold forbids.
func (l *eraser) refused(session string, held []Hold) Erasure {
	now := l.now()
	return Erasure{
		Session: session, Held: held, Secrets: l.client.SecretIDs(), Pages: pagesNone,
		Report: cache.Report{Started: now, Finished: now, Erased: []cache.Erased{}, Unknown: []string{}},
	}
}

// refuseAll is refuseHeld for everything there is. With except, holds that are known
// are no reason to refuse.
func (l *eraser) refuseAll(except bool) ([]Hold, error) {
	var ids []veriff.SessionID
	for _, r := range l.holds.All() {
		ids = append(ids, r.Session)
	}
	held, err := l.refuseHeld(ids)
	foreign, unknown := l.cache.Holds().Foreign()
	var e *HeldError
	if !errors.As(err, &e) {
		e = &HeldError{}
	}
	e.Foreign = foreign
	switch {
	case unknown != nil:
		return held, unknown
	case e.Unreadable != nil, !except && (len(e.Holds) > 0 || foreign > 0):
		return held, e
	}
	return held, nil
}
