package erasure

import (
	"veriffs/internal/changes"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// EndHold ends the hold of a session, if its record is to end as it is by then. What it knows to be gone is in the catalog before its record
// goes, so that a kill between the two erases it all the same. If the record can't be
// removed the hold stands.
//
// Errors: those of [hold.Set.ReleaseIf].
func (e *Eraser) EndHold(id veriff.SessionID, ends func(*hold.Record) bool) error {
	r := e.Holds.Of(id)
	switch {
	case r == nil:
		return hold.ErrNone
	case !ends(r):
		return hold.ErrStands
	}
	var sessions []veriff.SessionID
	if !r.Gone.IsZero() {
		sessions = append(sessions, r.Session)
	}
	attempts := lostAttempts(r)
	if len(sessions)+len(attempts) > 0 {
		e.Catalog.Losses.Add(sessions, attempts)
		e.Catalog.Save()
	}
	if _, err := e.Holds.ReleaseIf(id, ends); err != nil {
		e.Catalog.Losses.Restore(r.Session, e.Catalog.AttemptsOf(r.Session))
		return err
	}
	if r.Gone.IsZero() {
		e.loseDocuments(r)
	}
	e.Changes.Tell(changes.Change{Session: r.Session, DocumentsChanged: true})
	if !r.Gone.IsZero() {
		last, _ := e.SessionLists.Present(r.Session)
		e.LoseSession(r.Session, last)
		return nil
	}
	e.SessionLists.Expire(r.Session)
	for id := range attempts {
		last, _ := e.AttemptLists.Present(id)
		e.AttemptLists.Expire(id)
		if !r.Attempt(id).Gone.IsZero() {
			e.LoseAttempt(id, last)
		}
		e.Suspect(id)
	}
	return nil
}

// lostAttempts returns the attempts of a held session that the API has no more, or not
// with all files. As long as the session is there they are suspects: what is left of
// them the API says.
func lostAttempts(r *hold.Record) map[veriff.AttemptID]bool {
	attempts := make(map[veriff.AttemptID]bool)
	for _, a := range r.Attempts {
		if suspect := r.Gone.IsZero(); !a.ID.IsZero() && (!suspect || a.Lost()) {
			attempts[a.ID] = suspect
		}
	}
	return attempts
}

// loseDocuments erases the documents that a hold kept and the API has no more.
func (e *Eraser) loseDocuments(r *hold.Record) {
	for _, d := range r.Documents {
		kind, ok := listing.ParseDocumentName(d.Name + ".json")
		if !ok {
			continue
		}
		id := listing.DocumentID{Session: r.Session, Kind: kind}
		if err := e.Cache.Remove(store.Document(id)); err != nil {
			e.Log.Error("a document that the API no longer has could not be erased", "document", id, "error", err)
		}
		e.Documents.Drop(id)
	}
}
