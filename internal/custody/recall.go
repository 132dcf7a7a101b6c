package custody

import (
	"context"
	"time"

	"veriffs/cache"
	"veriffs/internal/changes"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/store"
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
		what = append(what, unlisted(attempt, files, c.now()))
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
		files[i] = hold.File{ID: f.ID, Context: f.Context.Value(), MIMEType: f.MIMEType.Value(), Size: f.ListedSize}
	}
	return files
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
