package library

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"veriffs/internal/answers"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// What holds change about documents: one that the API empties or has no more stays.

// keptDocument returns the stored version of a held document, or the error none.
func (l *documents) keptDocument(k documentID, none error) (FullDocument, error) {
	if body, label, _, ok := store.Get(l.cache, store.Document(k)); ok && !label.Absent {
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
func (l *documents) emptied(k documentID, fresh veriff.Document, attempt veriff.AttemptID) bool {
	old, err := l.keptDocument(k, ErrNotFound)
	if err != nil {
		return false
	}
	_, shown := old.Label.Owners() // another attempt has files of its own
	return shown == attempt && hold.Emptied(old.Body, fresh.Body)
}

// keepStored is keep for a held session's document that lost contents: the stored
// version stays. It reports whether it does.
func (l *documents) keepStored(k documentID, fresh veriff.Document, attempt veriff.AttemptID) bool {
	if l.holds.Of(k.Session) == nil {
		return false
	}
	if !l.emptied(k, fresh, attempt) {
		l.holds.Learn(k.Session, hold.DocumentThere(k.Kind.String()))
		return false
	}
	l.holds.Learn(k.Session, hold.DocumentGone(k.Kind.String(), l.now()))
	if old, err := l.keptDocument(k, ErrNotFound); err == nil {
		l.answers.Put(k, old.Document)
	}
	return true
}

// holdDocument is hold.json.
func (l *documents) holdDocument(id veriff.SessionID) (FullDocument, error) {
	r := l.holds.Of(id)
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

// renew asks anew for the documents of a session that don't come with its
// listing, and returns which could not be had.
func (l *documents) renew(ctx context.Context, id veriff.SessionID) (failures []warming.Failure) {
	for kind := range listing.DocumentKinds {
		if kind.InListing() || kind == listing.HoldDocument {
			continue
		}
		if _, err := l.answers.Renew(ctx, documentID{Session: id, Kind: kind}); err != nil && (errors.Is(err, answers.ErrStale) || !errors.Is(err, ErrNotFound)) && ctx.Err() == nil {
			failures = append(failures, warming.Failure{Session: id.String(), File: kind.Name(), Error: err.Error()})
		}
	}
	return failures
}
