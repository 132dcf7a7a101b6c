package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veriffs/cache"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/reach"
	"veriffs/internal/retention"
	"veriffs/internal/store"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// holder makes holds and ends them.
type holder struct {
	*core
	library *Library
}

// HoldOptions is what a hold is made of.
type HoldOptions struct {
	Session veriff.SessionID
	Reason  string    // which must not be empty
	By      string    // who asks
	Until   time.Time // zero: until it is released
}

// Held is what a hold keeps.
type Held struct {
	Hold
	Cached   int               `json:"cached"`             // files that are in the cache
	Bytes    int64             `json:"bytes"`              // of them
	Failures []warming.Failure `json:"failures,omitempty"` // what could not be fetched, and why
	// Lost is the number of files that are known, and had neither here nor at Veriff.
	Lost int `json:"lost"`
	// NoRoom is the number of files that the cache did not keep, though they were
	// fetched, and Used and Limit what it takes and may take on disk.
	NoRoom int   `json:"no_room"`
	Used   int64 `json:"used"`
	Limit  int64 `json:"limit"`
}

// Hold holds a session: nothing of it leaves the cache until Release, whatever
// becomes of it at Veriff. The hold is recorded first, and lasts from then on; then
// the session is fetched whole, all attempts and documents. What could not be fetched
// is in Held, whose Complete is zero then; it is held once it is fetched. A session
// that is held already is asked for again, and gets the new reason and end.
//
// An error means that there may be no hold: ErrEphemeral, one of the cache, or the
// cause of ctx's end, after which there is one.
func (l *holder) Hold(ctx context.Context, o HoldOptions) (Held, error) {
	if _, err := l.holds.Add(o.Session, o.Reason, o.By, o.Until, l.now()); err != nil {
		return Held{}, fmt.Errorf("library: hold session %s: %w", o.Session, err)
	}
	l.log.Info("a session is held from now on", "session", o.Session, "until", o.Until)
	l.holds.Mend(store.BrokenHolds(l.cache)) // it may have been that of this session
	if err := l.recall(ctx, o.Session); err != nil {
		return l.heldOf(o.Session, nil), fmt.Errorf("library: hold session %s: %w", o.Session, err)
	}
	return l.complete(ctx, o.Session)
}

// complete fetches what is missing of a held session.
func (l *holder) complete(ctx context.Context, id veriff.SessionID) (Held, error) {
	l.again.Store(id, true)
	defer l.again.Delete(id)
	failures, err := l.fetchWhole(ctx, id)
	if ctx.Err() != nil {
		return l.heldOf(id, failures), context.Cause(ctx)
	}
	if err != nil {
		failures = append(failures, warming.Failure{Session: id.String(), Error: err.Error()})
	}
	held := l.heldOf(id, failures)
	var whole time.Time
	if len(held.Failures) == 0 && held.NoRoom == 0 && held.Lost == 0 && held.Attempts > 0 {
		whole = l.now()
	}
	l.learn(id, hold.Whole(whole))
	held.Complete = whole
	if held.Gone != nil && !held.Gone.Session.IsZero() && held.Attempts == 0 && l.sessions.Forget(id) {
		l.observer.tell(Change{SessionsChanged: true, SessionsGone: []veriff.SessionID{id}}) // there is nothing to show
	}
	return held, nil
}

// recall learns what the cache has of a session: from its listings, and from the
// label of every object, for which the whole cache is read.
func (l *holder) recall(ctx context.Context, id veriff.SessionID) error {
	l.takeLossOver(id)
	l.sessions.Restore(id)
	var what []hold.Learn
	var attempts []veriff.Attempt
	for _, a := range l.attemptsOf(id) {
		_, created := l.catalog.Attempt(a)
		attempts = append(attempts, veriff.Attempt{ID: a, Created: created})
	}
	what = append(what, hold.Attempts(attempts, false, l.now()))
	for _, a := range attempts {
		if last, ok := l.library.attempts.answers.Present(a.ID); ok {
			what = append(what, filesOf(last, a.ID, l.now()))
		}
	}
	if last, ok := l.library.listings.answers.Present(id); ok {
		what = append(what, filesOf(last, last.Attempt, l.now()))
	}
	found := make(map[veriff.AttemptID][]hold.File)
	_, err := l.cache.Purge(ctx, func(k cache.Key, text []byte, _ time.Time) bool {
		label, _ := store.ParseLabel(text)
		session, attempt := label.Owners()
		media, isMedia := store.FileOf(k)
		if session != id {
			return false
		}
		if isMedia {
			found[attempt] = append(found[attempt], hold.File{ID: media, MIMEType: label.MIMEType, Size: UnknownSize})
		} else if !attempt.IsZero() {
			found[attempt] = append(found[attempt], []hold.File{}...)
		}
		return false
	})
	for attempt, files := range found {
		what = append(what, unlisted(attempt, files, l.now()))
	}
	l.learn(id, what...)
	l.showHeld()
	l.observer.tell(Change{SessionsChanged: true, AttemptsChanged: true, Session: id, DocumentsChanged: true})
	return err
}

func filesOf(list *Listing, id veriff.AttemptID, now time.Time) hold.Learn {
	files := make([]hold.File, len(list.Files))
	for i, f := range list.Files {
		files[i] = hold.File{ID: f.ID, Context: f.Context.Value(), MIMEType: f.MIMEType.Value(), Size: f.ListedSize}
	}
	return hold.Files(id, files, false, now)
}

// unlisted adds files that no listing has told of.
func unlisted(id veriff.AttemptID, files []hold.File, now time.Time) hold.Learn {
	return func(r *hold.Record) bool {
		var fresh []hold.File
		for _, f := range files {
			if known, _ := r.File(f.ID); known == nil {
				fresh = append(fresh, f)
			}
		}
		return (len(fresh) > 0 || r.Attempt(id) == nil) && hold.Files(id, fresh, false, now)(r)
	}
}

// fetchWhole asks for all that a session has, and fetches its files.
func (l *holder) fetchWhole(ctx context.Context, id veriff.SessionID) (failures []warming.Failure, err error) {
	ctx = reach.Outlast(ctx)
	lib := l.library
	fail := func(name string, err error) {
		if err != nil && !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
			failures = append(failures, warming.Failure{Session: id.String(), File: name, Error: err.Error()})
		}
	}
	lib.listings.answers.Expire(id)
	if _, err := lib.Session(ctx, id); err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err := lib.link.Check(); err != nil { // the last listing was served
		return nil, err
	}
	for kind := range listing.DocumentKinds {
		if kind.InListing() || kind == listing.HoldDocument {
			continue
		}
		lib.documents.answers.Expire(documentKey{id, kind})
		_, err := lib.Document(ctx, id, kind)
		fail(kind.Name(), err)
	}
	r := l.holds.Of(id)
	if r == nil {
		return nil, fmt.Errorf("it was released meanwhile: %w", ErrNoHold)
	}
	names := []string{listing.SessionsTree + "/" + id.String()}
	for _, a := range r.Attempts {
		if !a.ID.IsZero() && r.Gone.IsZero() {
			lib.attempts.answers.Expire(a.ID)
			names = append(names, listing.AttemptsTree+"/"+a.ID.String())
		}
	}
	l.checkCached(id)
	warmed, err := lib.Warm(ctx, warming.Options{Names: names}, nil)
	for _, f := range warmed.Failures {
		if r.Gone.IsZero() || f.File != "" {
			failures = append(failures, f)
		}
	}
	return failures, err
}

// checkCached reads the files of a held session that are in the cache, so that what
// is damaged is fetched again as long as that is possible.
func (l *holder) checkCached(id veriff.SessionID) {
	r := l.holds.Of(id)
	if r == nil { // released meanwhile
		return
	}
	for _, a := range r.Attempts {
		for _, f := range a.Files {
			if o, ok := l.cache.Get(store.File(f.ID)); ok {
				_ = o.Verify() // who is damaged is gone by that, and logged
				o.Close()
			}
		}
	}
}

// heldOf says how much of a held session is in the cache.
func (l *holder) heldOf(id veriff.SessionID, failures []warming.Failure) Held {
	h := Held{Failures: failures}
	h.Used, h.Limit = l.library.Room()
	r := l.holds.Of(id)
	if r == nil {
		return h
	}
	h.Hold = r.Report()
	for _, a := range r.Attempts {
		for _, f := range a.Files {
			o, ok := l.cache.Get(store.File(f.ID))
			switch {
			case ok:
				h.Cached++
				h.Bytes += o.Size()
				o.Close()
			case !r.FileGone(f.ID).IsZero():
				h.Lost++
			case len(failures) == 0:
				h.NoRoom++
			}
		}
	}
	return h
}

// Holds returns all holds, in the order of their sessions. The error says that there
// are others whose records can't be read.
func (l *holder) Holds(context.Context) (all []Hold, err error) {
	for _, r := range l.holds.All() {
		all = append(all, r.Report())
	}
	if broken := l.holds.Broken(); broken != nil {
		return all, &HeldError{Unreadable: broken}
	}
	return all, nil
}

// Release ends the hold of a session, for a reason that is logged. What Veriff no longer has of it is erased as
// if that were known from now on; the rest stays as long as all else does.
//
// Errors: ErrNoHold if it is not held; if the record could not be removed the hold
// stands.
func (l *holder) Release(_ context.Context, id veriff.SessionID, reason string) (Hold, error) {
	r := l.holds.Of(id)
	if r == nil {
		return Hold{}, fmt.Errorf("library: session %s: %w", id, ErrNoHold)
	}
	if err := l.library.eraser.release(r); err != nil {
		return r.Report(), fmt.Errorf("library: release session %s: %w", id, err)
	}
	l.log.Info("the hold of a session was released", "session", id, "reason", reason)
	return r.Report(), nil
}

// ReleaseUnreadable gives up every hold whose record can't be read. What they held is
// as everything else is from now on.
func (l *holder) ReleaseUnreadable(_ context.Context, reason string) error {
	if err := l.cache.Holds().ReleaseUnreadable(); err != nil {
		return fmt.Errorf("library: %w", err)
	}
	l.holds.Mend(store.BrokenHolds(l.cache))
	l.log.Warn("holds whose records can't be read were given up", "reason", reason)
	return nil
}

// DeleteAtVeriff asks Veriff to delete a session: see [veriff.Client.DeleteSession],
// whose errors it returns, or ErrHeld. It erases nothing here. If the API says that
// there is nothing to delete, it is asked whether the session is there, because
// deleting may only not be switched on: veriff.ErrRefused.
func (l *holder) DeleteAtVeriff(ctx context.Context, id veriff.SessionID) (veriff.Deletion, error) {
	if _, err := l.library.refuseHeld([]veriff.SessionID{id}); err != nil {
		return veriff.Deletion{Session: id.String()}, fmt.Errorf("library: delete session %s at Veriff: %w", id, err)
	}
	d, err := l.client.DeleteSession(ctx, id)
	if errors.Is(err, veriff.ErrNotFound) {
		if _, listed := l.client.SessionMedia(ctx, id); listed == nil {
			err = fmt.Errorf("delete session %s: %w: the session is there, but deleting it is not switched on: %s", id, veriff.ErrRefused, err.Error())
		}
	}
	return d, err
}

// Retention says why sessions, or with none all, are still in the cache. It asks the
// API nothing.
func (l *holder) Retention(ctx context.Context, only []veriff.SessionID) (retention.Report, error) {
	r, err := retention.Of(ctx, retention.Options{
		Cache: l.cache, Holds: l.holds, Lost: l.catalog.Losses.Has, Only: only,
		Owner: func(id veriff.AttemptID) veriff.SessionID { s, _ := l.catalog.Attempt(id); return s },
	})
	if err != nil {
		return r, fmt.Errorf("library: retention: %w", err)
	}
	return r, nil
}
