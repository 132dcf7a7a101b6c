package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"veriffs/internal/answers"
	"veriffs/internal/erasure"
	"veriffs/internal/flight"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/reach"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// askDocument is how each kind is asked for.
var askDocument = [listing.DocumentKinds]func(*veriff.Client, context.Context, veriff.SessionID) (veriff.Document, error){
	listing.AttemptsDocument: func(c *veriff.Client, ctx context.Context, id veriff.SessionID) (veriff.Document, error) {
		list, err := c.SessionAttempts(ctx, id)
		return list.Document, err
	},
	listing.DecisionDocument: (*veriff.Client).Decision,
	listing.MediaDocument: func(c *veriff.Client, ctx context.Context, id veriff.SessionID) (veriff.Document, error) {
		list, err := c.SessionMedia(ctx, id)
		return list.Document, err
	},
	listing.PersonDocument:    (*veriff.Client).Person,
	listing.WatchlistDocument: (*veriff.Client).WatchlistScreening,
}

// What is known of documents, and what tells them apart, is described in package listing.
type (
	Document   = listing.Document
	documentID = listing.DocumentID
)

// documentsInMemory bounds the documents of which something is known from
// memory, some 150 bytes each. Their bodies are never kept in memory.
const documentsInMemory = 1 << 15

// documents are what is known of the documents of sessions.
type documents struct {
	*core
	answers  *answers.Answers[documentID, Document]
	bodies   *flight.Group[documentID, FullDocument]
	listings *listings
}

// Documents returns which documents a session has, asking for those that are
// not known: at most five requests, in parallel. It leaves out what the API says
// it does not have, but not what could not be asked for, which may be there.
func (l *documents) Documents(ctx context.Context, id veriff.SessionID) ([]listing.DocumentKind, error) {
	var (
		group  errgroup.Group
		absent [listing.DocumentKinds]bool
	)
	for kind := range listing.DocumentKinds {
		if kind.InListing() || kind == listing.HoldDocument {
			continue
		}
		group.Go(l.guard(func() error {
			_, err := l.Document(ctx, id, kind)
			absent[kind] = errors.Is(err, ErrNotFound)
			return nil
		}))
	}
	group.Go(l.guard(func() error {
		_, err := l.listings.Session(ctx, id)
		return err
	}))
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var kinds []listing.DocumentKind
	for kind := range listing.DocumentKinds {
		if kind.InListing() || kind == listing.HoldDocument {
			_, err := l.Document(ctx, id, kind)
			absent[kind] = errors.Is(err, ErrNotFound)
		}
		if !absent[kind] {
			kinds = append(kinds, kind)
		}
	}
	return kinds, nil
}

// Document returns what is known of a document, asking if that is stale.
// The errors are those of Session.
func (l *documents) Document(ctx context.Context, id veriff.SessionID, kind listing.DocumentKind) (Document, error) {
	k := documentID{Session: id, Kind: kind}
	if kind == listing.HoldDocument {
		d, err := l.holdDocument(id)
		return d.Document, err
	}
	if kind.InListing() {
		if _, err := l.listings.Session(ctx, id); err != nil {
			return Document{}, err
		}
		// The listing is up to date, so what came with it is.
		if last, ok := l.answers.Last(k); ok {
			return l.answers.Result(k, last)
		}
	} else if l.sessions.Absent(id) {
		return Document{}, fmt.Errorf("library: session %s: %w", id, ErrNotFound)
	}
	return l.answers.Get(ctx, k)
}

// LastDocument returns, without the network, what is known of a document.
func (l *documents) LastDocument(id veriff.SessionID, kind listing.DocumentKind) (Document, bool) {
	if kind == listing.HoldDocument {
		d, err := l.holdDocument(id)
		return d.Document, err == nil
	}
	return l.answers.Present(documentID{Session: id, Kind: kind})
}

// FullDocument is a document with its body, verified and verbatim.
type FullDocument struct {
	Document
	Body    []byte
	Label   store.Label // sealed with it: who signed it
	Fetched bool        // from the API, for this open
}

// OpenDocument returns a document with its body.
func (l *documents) OpenDocument(ctx context.Context, id veriff.SessionID, kind listing.DocumentKind) (FullDocument, error) {
	if kind == listing.HoldDocument {
		return l.holdDocument(id)
	}
	k := documentID{Session: id, Kind: kind}
	received := l.answers.Received(k)
	if _, err := l.Document(ctx, id, kind); err != nil {
		return FullDocument{}, err
	}
	if body, label, _, ok := store.Get(l.cache, store.Document(k)); ok && !label.Absent {
		if d, err := documentOf(label, int64(len(body))); err == nil {
			return FullDocument{d, body, label, l.answers.Received(k) != received}, nil
		}
	}
	// It was evicted just now, or the disk keeps nothing.
	return reach.SitOut(ctx, l.limit, func() (FullDocument, error) {
		return erasure.Behind(ctx, l.gate, erasure.OfSession(k.Session), func() (FullDocument, error) {
			return l.bodies.Do(ctx, k, func(t *flight.Task) (FullDocument, error) { return l.refetch(t, k) })
		})
	})
}

// refetch gets a document of which the cache does not have the body.
func (l *documents) refetch(t *flight.Task, k documentID) (FullDocument, error) {
	full, err := l.fetchDocument(t, k)
	if err == nil {
		last, _ := l.answers.Present(k)
		l.answers.Put(k, full.Document)
		l.Received(k, full.Document, last)
	}
	return full, err
}

// fetchDocument gets a document from the API and stores it.
func (l *documents) fetchDocument(t *flight.Task, k documentID) (FullDocument, error) {
	if l.gate.Shut(erasure.OfSession(k.Session)) {
		return FullDocument{}, erasure.ErrFenced
	}
	held := l.holds.Of(k.Session)
	if l.holds.KnownGone(held, func(r *hold.Record) time.Time { return r.GoneDocument(k.Kind.String()) }) {
		return l.keptDocument(k, fmt.Errorf("library: document %s, which is held: %w", k, ErrNotFound))
	}
	var d veriff.Document
	err := l.call(t.Context(), t, Subject{Session: k.Session, Document: k.Kind.Name()}, func(ctx context.Context) (err error) {
		d, err = askDocument[k.Kind](l.client, ctx, k.Session)
		return err
	})
	if held != nil && (answers.Proven(err) || err == nil && l.emptied(k, d, veriff.AttemptID{})) {
		if full, none := l.keptDocument(k, err); none == nil {
			l.holds.Learn(k.Session, hold.DocumentGone(k.Kind.String(), l.now()))
			return full, nil
		}
	}
	if err != nil {
		return FullDocument{}, fmt.Errorf("library: document %s: %w", k, err)
	}
	l.holds.Learn(k.Session, hold.DocumentThere(k.Kind.String()))
	return FullDocument{l.storeNewer(k, d, veriff.AttemptID{}), d.Body, store.NewLabel(k.Session, veriff.AttemptID{}, d.Receipt), true}, nil
}

// Ask gets a document from the API and stores it.
func (l *documents) Ask(t *flight.Task, k documentID) (Document, error) {
	full, err := l.fetchDocument(t, k)
	return full.Document, err
}

// Received tells the observer of a document that has changed.
func (l *documents) Received(k documentID, fresh, last Document) {
	if fresh != last {
		l.changes.Tell(Change{Session: k.Session, DocumentsChanged: true})
	}
}

// Gate waits for an erasure of the session to end.
func (l *documents) Gate(ctx context.Context, k documentID, work func() (Document, error)) (Document, error) {
	return erasure.Behind(ctx, l.gate, erasure.OfSession(k.Session), work)
}

// keep stores a document that came with a listing, which shows an attempt; zero is
// unknown.
func (l *documents) keep(k documentID, d veriff.Document, attempt veriff.AttemptID) {
	if l.keepStored(k, d, attempt) {
		return
	}
	last, _ := l.answers.Present(k)
	fresh := l.storeNewer(k, d, attempt)
	l.answers.Put(k, fresh)
	l.Received(k, fresh, last)
}

// storeNewer puts a document into the sealed store. One that has not changed
// keeps its time.
func (l *documents) storeNewer(k documentID, d veriff.Document, attempt veriff.AttemptID) Document {
	if last, known := l.answers.Present(k); known && last.SHA256 == d.SHA256 {
		d.Received = last.Received
	}
	store.Put(l.cache, store.Document(k), d.Body, store.NewLabel(k.Session, attempt, d.Receipt).Text())
	return Document{Size: int64(len(d.Body)), SHA256: d.SHA256, Received: d.Received}
}

// Keeps reports whether the document's session is held.
func (l *documents) Keeps(k documentID) bool { return l.holds.Of(k.Session) != nil }

// Lost remembers, over a remount too, that the API has no such document.
func (l *documents) Lost(k documentID, last Document) {
	if l.holds.Of(k.Session) == nil { // what is held is never replaced by nothing
		none := store.Label{Session: k.Session.String(), Absent: true, Received: l.now()}
		store.Put(l.cache, store.Document(k), nil, none.Text())
	}
	if last != (Document{}) {
		l.changes.Tell(Change{Session: k.Session, DocumentsChanged: true})
	}
}

// Stored is what the sealed store knows of a document.
func (l *documents) Stored(k documentID) (a answers.Answer[Document], ok bool) {
	o, ok := l.cache.Get(store.Document(k))
	if !ok {
		return a, false
	}
	defer o.Close()
	label, err := store.ParseLabel(o.Label())
	if err != nil {
		return a, false
	}
	a.Asked, a.Absent = answers.At(o.Stored()), label.Absent
	if !a.Absent {
		a.Value, err = documentOf(label, o.Size())
	}
	return a, err == nil
}

func documentOf(l store.Label, size int64) (Document, error) {
	sum, err := l.Hash()
	return Document{Size: size, SHA256: sum, Received: l.Received}, err
}
