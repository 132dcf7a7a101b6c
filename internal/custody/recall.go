package custody

import (
	"context"
	"fmt"
	"slices"
	"time"

	"veriffs/cache"
	"veriffs/internal/changes"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// recall learns what the cache has of a session: from its listings, and from the
// label of every object, for which the whole cache is read. It returns the number of
// objects that no configured secret opens.
func (c *Custodian) recall(ctx context.Context, id veriff.SessionID) (foreign int64, err error) {
	c.takeLossOver(id)
	c.sessions.Restore(id)
	what := c.listed(id)
	found, foreign, err := c.labelled(ctx, id)
	for attempt, files := range found {
		what = append(what, unlistedFiles(attempt, files, c.now()))
	}
	c.Learn(id, what...)
	c.Show()
	c.changes.Tell(changes.Change{SessionsChanged: true, AttemptsChanged: true, Session: id, DocumentsChanged: true})
	return foreign, err
}

// listed is what the last listings say of a session.
func (c *Custodian) listed(id veriff.SessionID) []hold.Learn {
	var attempts []veriff.Attempt
	for _, a := range c.catalog.AttemptsOf(id) {
		_, created := c.catalog.Attempt(a)
		attempts = append(attempts, veriff.Attempt{ID: a, Created: created})
	}
	now := c.now()
	what := []hold.Learn{hold.Attempts(attempts, false, now)}
	for _, a := range attempts {
		if last, ok := c.work.Attempts.Present(a.ID); ok {
			what = append(what, hold.Files(a.ID, filesOf(last), false, now))
		}
	}
	if last, ok := c.work.Listings.Present(id); ok {
		what = append(what, hold.Files(last.Attempt, filesOf(last), false, now))
	}
	return what
}

// searchTime is for how long the team's store is looked through.
const searchTime = 10 * time.Minute

// unlisted reports whether a held session is gone, and some of its lists were never had.
func (c *Custodian) unlisted(id veriff.SessionID) bool {
	r := c.Of(id)
	return r != nil && !r.Gone.IsZero() &&
		(len(r.Attempts) == 0 || slices.ContainsFunc(r.Attempts, func(a hold.Attempt) bool { return len(a.Files) == 0 }))
}

// completeFromTeam looks through the team's store for files that no list tells of any
// more, and completes the hold with them. That it could not is a failure of the hold.
func (c *Custodian) completeFromTeam(ctx context.Context, id veriff.SessionID, held Held) (Held, error) {
	limited, cancel := context.WithTimeoutCause(ctx, searchTime, errSearch)
	defer cancel()
	found, failed := c.work.Board.Find(limited, id)
	var what []hold.Learn
	for attempt, files := range found {
		what = append(what, unlistedFiles(attempt, files, c.now()))
	}
	c.Learn(id, what...)
	var err error
	if len(found) > 0 {
		held, err = c.recallAndComplete(ctx, id)
	}
	if failed != nil && err == nil {
		if cause := context.Cause(limited); cause != nil {
			failed = cause
		}
		held.Failures = append(held.Failures, warming.Failure{Session: id.String(), Error: failed.Error()})
		c.Learn(id, hold.Whole(time.Time{}))
		held.Complete = time.Time{}
	}
	return held, err
}

var errSearch = fmt.Errorf("the team store was not looked through within %v for files that no list tells of", searchTime)

// fetchGone fetches from the team's store what Veriff no longer has of a held session. What
// is not there either shows in what is cached.
func (c *Custodian) fetchGone(ctx context.Context, id veriff.SessionID) {
	r := c.Of(id)
	if c.work.Board == nil || r == nil {
		return
	}
	for _, a := range r.Attempts {
		for _, f := range a.Files {
			if !r.FileGone(f.ID).IsZero() && !c.cache.Has(store.File(f.ID)) && c.work.FetchFile(ctx, id, &a, f) == nil {
				c.work.Attempts.Expire(a.ID) // they show what there is now
				c.work.Listings.Expire(id)
			}
		}
	}
}

// labelled reads from the labels which files of a session are in the cache. An attempt
// of which only the listing is there has none. It counts the objects whose labels no
// configured secret opens.
func (c *Custodian) labelled(ctx context.Context, id veriff.SessionID) (found map[veriff.AttemptID][]hold.File, foreign int64, err error) {
	found = make(map[veriff.AttemptID][]hold.File)
	rest, err := c.cache.Visit(ctx, func(e cache.Entry) {
		label, _ := store.ParseLabel(e.Label)
		session, attempt := label.Owners()
		media, isMedia := store.FileOf(e.Key)
		if session != id {
			return
		}
		files := found[attempt]
		if isMedia {
			files = append(files, hold.File{ID: media, MIMEType: label.MIMEType, Size: listing.UnknownSize})
		}
		if isMedia || !attempt.IsZero() {
			found[attempt] = files
		}
	})
	return found, rest.Foreign, err
}

// filesOf returns the files of a listing as a hold knows them.
func filesOf(l *listing.Listing) []hold.File {
	files := make([]hold.File, len(l.Files))
	for i, f := range l.Files {
		files[i] = hold.File{ID: f.ID, Context: f.Context(), MIMEType: f.MIMEType(), Size: f.ListedSize}
	}
	return files
}

// unlistedFiles adds files that no listing has told of.
func unlistedFiles(id veriff.AttemptID, files []hold.File, now time.Time) hold.Learn {
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
