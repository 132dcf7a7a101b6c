package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"veriffs/internal/answers"
	"veriffs/internal/erasure"
	"veriffs/internal/flight"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// What a library lists is described in package listing.
type (
	Listing   = listing.Listing
	File      = listing.File
	NamedFile = listing.NamedFile
)

// UnknownSize is the size of a file that has to be fetched to know it.
const UnknownSize = listing.UnknownSize

// listingsFiles bounds the decoded listings in memory, in files: some 50 bytes
// each. The others come back from the sealed store when they are entered.
const listingsFiles = 2 << 20

// listingWeight is what a listing counts for: one with few files takes memory
// too.
func listingWeight(a answers.Answer[*Listing]) int {
	const least = 4
	if a.Absent {
		return least
	}
	return len(a.Value.Files) + least
}

// listings are what the API lists for sessions.
type listings struct {
	*core
	answers   *answers.Answers[veriff.SessionID, *Listing]
	attempts  *attempts
	documents *documents
	eraser    *erasure.Eraser
}

// Session returns the listing of a session: from memory or the sealed store
// while it is younger than the time to live, from the API otherwise. When
// the API can't say, the last listing serves, however old.
//
// Errors: ErrNotFound when the API said so, ErrOffline, those of package
// veriff, or the cause of ctx's end.
func (l *listings) Session(ctx context.Context, id veriff.SessionID) (*Listing, error) {
	if l.sessions.Absent(id) {
		return nil, fmt.Errorf("library: session %s: %w", id, ErrNotFound)
	}
	return l.answers.Get(ctx, id)
}

// Find returns a file of a session by name. A listing of any age may say
// that it is there; only one that is up to date and complete says that it is
// not.
func (l *listings) Find(ctx context.Context, id veriff.SessionID, name string) (*File, error) {
	if last, ok := l.answers.Present(id); ok {
		if f, ok := last.Lookup(name); ok {
			return f, nil
		}
	}
	list, err := l.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	if f, ok := list.Lookup(name); ok {
		return f, nil
	}
	return nil, list.Missing(name)
}

// ForgetListing makes the next call of Session ask the API, because there is
// word that the session has changed.
func (l *listings) ForgetListing(id veriff.SessionID) {
	if l.sessions.Restore(id) { // the API said that it was not there
		l.changes.Tell(Change{SessionsChanged: true, AttemptsChanged: true})
	}
	l.answers.Expire(id)
}

// Stored is the last listing of a session in the sealed store.
func (l *listings) Stored(id veriff.SessionID) (a answers.Answer[*Listing], ok bool) {
	body, label, stored, ok := store.Get(l.cache, store.Document(documentID{Session: id, Kind: listing.MediaDocument}))
	if l.catalog.Losses.Has(id) {
		return a, false
	}
	var media veriff.MediaList
	if ok = ok && !label.Absent; ok {
		var err error
		media, err = veriff.DecodeMediaList(body)
		ok = err == nil
	}
	if !ok && !l.holds.Keeps(id) {
		return a, false
	}
	if !ok {
		stored = time.Time{} // it is not the API's
	}
	// A newer attempt may be known by now: these files are not its.
	_, attempt := label.Owners()
	_, created := l.catalog.Attempt(attempt)
	if attempt.IsZero() {
		var newest veriff.AttemptID
		newest, created = l.catalog.Newest(id)
		if l.holds.Keeps(id) {
			attempt = newest // of which the hold knows the files
		}
	}
	list := listing.New(id, attempt, created, media)
	list.Proves = false // it is not new
	l.holds.Supplement(list)
	return answers.Answer[*Listing]{Value: list, Asked: answers.At(stored)}, true
}

// Ask gets the media and the attempts of a session from the API, in parallel, and
// stores both verbatim. Without the attempts the files have no date, and what the
// listing lacks may be there all the same.
func (l *listings) Ask(t *flight.Task, id veriff.SessionID) (*Listing, error) {
	if l.gate.Shut(erasure.OfSession(id)) {
		return nil, erasure.ErrFenced
	}
	if l.holds.KnownGone(l.holds.Of(id), func(r *hold.Record) time.Time { return r.Gone }) {
		return l.kept(id)
	}
	var (
		media    veriff.MediaList
		attempts veriff.AttemptList
		group    errgroup.Group
	)
	askMedia := l.guard(func() error {
		return l.call(t.Context(), t, Subject{Session: id, Document: listing.MediaDocument.Name()}, func(ctx context.Context) (err error) {
			media, err = l.client.SessionMedia(ctx, id)
			return err
		})
	})
	before, _ := l.catalog.Newest(id)
	group.Go(askMedia)
	group.Go(l.guard(func() (err error) {
		attempts, err = l.askAttempts(t, id)
		return err
	}))
	err := group.Wait()
	if err == nil && moved(before, attempts, media) {
		err = askMedia()
	}
	if answers.Proven(err) && l.holds.Learn(id, hold.SessionGone(l.now())) {
		return l.kept(id)
	}
	if err != nil {
		return nil, fmt.Errorf("library: list session %s: %w", id, err)
	}
	if media.Dropped > 0 {
		l.log.Warn("entries of a listing have no usable id; they are not shown", "session", id, "entries", media.Dropped)
	}
	if attempts.Body != nil {
		l.holds.SetAttempts(id, attempts.Items)
	}
	attempt, created := l.catalog.Newest(id)
	list := listing.New(id, attempt, created, media)
	list.Proves = list.Proves && attempts.Body != nil && attempts.Dropped == 0 && attempts.Secret >= 0
	if l.holds.LearnListing(list, attempts) {
		l.attempts.answers.Expire(attempt)
		l.eraser.Suspect(attempt) // whether it has lost files its own listing says
	}
	if last, ok := l.answers.Present(id); ok {
		l.renumber(list, last) // before anybody sees it, or another last one
	}
	l.documents.keep(documentID{Session: id, Kind: listing.MediaDocument}, media.Document, attempt)
	return list, nil
}

// together is how far apart the two answers about a session may come that are taken
// for those of one moment.
const together = time.Second

// moved reports whether a list of media may be that of an older attempt than the
// newest of a list of attempts, which came with it: one that is new since, or that
// may have begun while the attempts were asked for again and again.
func moved(before veriff.AttemptID, attempts veriff.AttemptList, media veriff.MediaList) bool {
	if len(attempts.Items) == 0 || attempts.Items[0].ID == before {
		return false
	}
	return !before.IsZero() || attempts.Received.Sub(media.Received) > together
}

// askAttempts gets the attempts of a session from the API and stores them
// verbatim. If that fails the list has no body; only a rate limit is an error,
// because the listing is to be asked for again then.
func (l *listings) askAttempts(t *flight.Task, id veriff.SessionID) (attempts veriff.AttemptList, err error) {
	err = l.call(t.Context(), t, Subject{Session: id, Document: listing.AttemptsDocument.Name()}, func(ctx context.Context) (err error) {
		attempts, err = l.client.SessionAttempts(ctx, id)
		return err
	})
	if errors.Is(err, veriff.ErrRateLimited) {
		return veriff.AttemptList{}, err
	}
	if err != nil {
		if t.Context().Err() == nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrOffline) {
			l.log.Warn("listing the attempts failed; the files of this session may have no date", "session", id, "error", err)
		}
		return veriff.AttemptList{}, nil
	}
	l.documents.keep(documentID{Session: id, Kind: listing.AttemptsDocument}, attempts.Document, veriff.AttemptID{})
	return attempts, nil
}

// Gate waits for an erasure of the session to end.
func (l *listings) Gate(ctx context.Context, id veriff.SessionID, work func() (*Listing, error)) (*Listing, error) {
	return erasure.Behind(ctx, l.gate, erasure.OfSession(id), work)
}

// kept is what there is of a session that is held and that the API has no more.
func (l *listings) kept(id veriff.SessionID) (*Listing, error) {
	if last, ok := l.Stored(id); ok {
		last.Value.Kept = true
		return last.Value, nil
	}
	return nil, fmt.Errorf("library: session %s, which is held: %w", id, ErrNotFound)
}

// Keeps reports whether a session is held.
func (l *listings) Keeps(id veriff.SessionID) bool { return l.holds.Of(id) != nil }

// Lost has all of a session erased.
func (l *listings) Lost(id veriff.SessionID, last *Listing) { l.eraser.LoseSession(id, last) }

// Received tells the observer what has changed. Files that are missing, unless from
// a newer attempt, may be deleted: see [erasure.Eraser.Suspect].
func (l *listings) Received(id veriff.SessionID, list, last *Listing) {
	if list.Kept { // it says nothing about the API, and its hold may have ended meanwhile
		return
	}
	l.catalog.Losses.Restore(id, l.catalog.Of(id))
	if l.sessions.Visit(id) {
		l.changes.Tell(Change{SessionsChanged: true, AttemptsChanged: true})
	}
	if last != nil && last.Same(list) {
		return
	}
	missing := list.Gone(last)
	l.changes.Tell(Change{Session: id, FilesGone: missing})
	if len(missing) > 0 && list.Proves && !list.Attempt.IsZero() && (list.Attempt == last.Attempt || last.Attempt.IsZero()) {
		l.eraser.Suspect(list.Attempt)
	}
}

// renumber keeps the names of files that are in both listings.
func (l *listings) renumber(list, last *Listing) {
	if last.Same(list) {
		return
	}
	var both []veriff.MediaID
	for _, f := range slices.Concat(last.Files, list.Files) {
		both = append(both, f.ID)
	}
	if l.catalog.SetNumbers(list.KeepNames(last, l.catalog.Number), both) {
		l.catalog.Save() // it happens seldom, and nothing else could tell them
	}
}

// ByContext returns the files of a listing under their names by context, in
// the order of those names.
func (l *listings) ByContext(list *Listing) []NamedFile { return list.ByContext(l.catalog.Number) }

// FindByContext is Find by the name by context.
func (l *listings) FindByContext(ctx context.Context, id veriff.SessionID, name string) (*File, error) {
	// Unlike an id, a name may come to mean another file: only the list that
	// is up to date tells.
	list, err := l.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	if f, ok := list.FindByContext(name, l.catalog.Number); ok {
		return f, nil
	}
	return nil, list.Missing(name)
}
