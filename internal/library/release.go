package library

import (
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// release ends a hold. What it knows to be gone is in the catalog before its record
// goes, so that a kill between the two erases it all the same.
func (l *eraser) release(r *hold.Record) error {
	var gone []veriff.SessionID
	attempts := make(map[veriff.AttemptID]bool)
	for _, a := range r.Attempts {
		if suspect := r.Gone.IsZero(); !a.ID.IsZero() && (!suspect || a.Lost()) {
			attempts[a.ID] = suspect // what is left of it the API says
		}
	}
	if !r.Gone.IsZero() {
		gone = append(gone, r.Session)
	}
	if len(gone)+len(attempts) > 0 {
		l.catalog.Losses.Add(gone, attempts)
		l.catalog.Save()
	}
	if _, err := l.holds.Release(r.Session); err != nil {
		l.catalog.Losses.Restore(r.Session, l.attemptsOf(r.Session))
		return err
	}
	for _, d := range r.Documents {
		if kind, ok := listing.ParseDocumentName(d.Name + ".json"); ok && r.Gone.IsZero() {
			k := documentKey{r.Session, kind}
			if err := l.cache.Remove(k.key()); err != nil {
				l.log.Error("a document that the API no longer has could not be erased", "document", k, "error", err)
			}
			l.documents.answers.Drop(k)
		}
	}
	l.observer.tell(Change{Session: r.Session, DocumentsChanged: true})
	if !r.Gone.IsZero() {
		last, _ := l.listings.answers.Present(r.Session)
		l.loseSession(r.Session, last)
		return nil
	}
	l.listings.answers.Expire(r.Session)
	for id := range attempts {
		last, _ := l.attempts.answers.Present(id)
		l.attempts.answers.Expire(id)
		if !r.Attempt(id).Gone.IsZero() {
			l.loseAttempt(id, last)
		}
		l.suspect(id)
	}
	return nil
}
