package exhibit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// Of returns what can be handed out of a library.
func Of(l *library.Library) Source { return &shelf{l} }

type shelf struct{ lib *library.Library }

// attemptList is the name of the listing of one attempt.
var attemptList = listing.MediaDocument.Name()

// Exhibits is part of Source.
func (s *shelf) Exhibits(ctx context.Context, id veriff.SessionID, want Selection) (Inventory, error) {
	v := Inventory{Session: id.String()}
	list, err := s.lib.Session(ctx, id)
	if err != nil {
		return v, err
	}
	if !want.AllAttempts {
		if !list.Attempt.IsZero() {
			v.Attempts = []string{list.Attempt.String()}
		}
		s.addFiles(&v, list, want)
	} else if err := s.addAttempts(ctx, &v, id, want); err != nil {
		return v, err
	}
	return v, s.addDocuments(ctx, &v, id)
}

// addFiles adds the files of a listing.
func (s *shelf) addFiles(v *Inventory, list *library.Listing, want Selection) {
	if list.Incomplete {
		v.Missing = append(v.Missing, Missing{list.String(), "the API listed entries that can't be used"})
	}
	for _, f := range s.lib.ByContext(list) {
		i := Item{
			Kind: Media, Session: v.Session, Media: f.File.ID.String(), Context: f.File.Context(), Name: f.Name,
			MIMEType: f.File.MIMEType(), Listed: s.lib.Size(f.File), OfAttempt: list.OfAttempt,
		}
		if !list.Attempt.IsZero() {
			i.Attempt = list.Attempt.String()
		}
		if want.Wants(f.File) {
			v.Items = append(v.Items, i)
		} else {
			v.LeftOut = append(v.LeftOut, i)
		}
	}
}

// addAttempts adds the files and the listing of each attempt.
func (s *shelf) addAttempts(ctx context.Context, v *Inventory, id veriff.SessionID, want Selection) error {
	d, err := s.lib.OpenDocument(ctx, id, listing.AttemptsDocument)
	if err != nil {
		return fmt.Errorf("exhibit: the attempts of session %s: %w", id, err)
	}
	attempts, err := veriff.DecodeAttemptList(d.Body)
	if err != nil {
		return fmt.Errorf("exhibit: the attempts of session %s: %w", id, err)
	}
	if attempts.Dropped > 0 {
		v.Missing = append(v.Missing, Missing{"attempts", "the API listed attempts without a usable id"})
	}
	for _, a := range attempts.Items {
		list, err := s.lib.Attempt(ctx, a.ID)
		name := "attempt " + a.ID.String()
		switch {
		case errors.Is(err, library.ErrNotFound):
			v.Absent = append(v.Absent, name)
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			v.Missing = append(v.Missing, Missing{name, err.Error()})
			continue
		case !list.Session.IsZero() && list.Session != id:
			v.Missing = append(v.Missing, Missing{name, "its files belong to another session"})
			continue
		}
		v.Attempts = append(v.Attempts, a.ID.String())
		s.addFiles(v, list, want)
		v.Items = append(v.Items, Item{Kind: Document, Session: v.Session, Attempt: a.ID.String(), Name: attemptList, Listed: -1, OfAttempt: true})
	}
	return nil
}

// addDocuments adds the documents about a session.
func (s *shelf) addDocuments(ctx context.Context, v *Inventory, id veriff.SessionID) error {
	for kind := range listing.DocumentKinds {
		i := Item{Kind: Document, Session: v.Session, Name: kind.Name()}
		if kind == listing.HoldDocument {
			i.Kind = Hold
		}
		d, err := s.lib.Document(ctx, id, kind)
		switch {
		case i.Kind == Hold && errors.Is(err, library.ErrNotFound): // it is not held
		case errors.Is(err, library.ErrNotFound):
			v.Absent = append(v.Absent, kind.Name())
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			v.Missing = append(v.Missing, Missing{kind.Name(), err.Error()})
		default:
			i.Listed = d.Size
			v.Items = append(v.Items, i)
		}
	}
	return nil
}

// OpenExhibit is part of Source. An item is found again by its ids, and refused if it
// is of another session or attempt, or has another context, than it says.
func (s *shelf) OpenExhibit(ctx context.Context, i Item) (io.ReadCloser, Origin, error) {
	id, err := veriff.ParseSessionID(i.Session)
	if err != nil {
		return nil, Origin{}, fmt.Errorf("exhibit: session %q: %w", i.Session, err)
	}
	var attempt veriff.AttemptID
	if i.OfAttempt {
		if attempt, err = veriff.ParseAttemptID(i.Attempt); err != nil {
			return nil, Origin{}, fmt.Errorf("exhibit: attempt %q: %w", i.Attempt, err)
		}
	}
	if i.Kind == Media {
		return s.openFile(ctx, i, id, attempt)
	}
	kind, ok := listing.ParseDocumentName(i.Name)
	if !ok || i.OfAttempt && i.Name != attemptList {
		return nil, Origin{}, fmt.Errorf("exhibit: no document is called %q: %w", i.Name, library.ErrNotFound)
	}
	if i.OfAttempt {
		list, err := s.lib.OpenAttemptList(ctx, attempt)
		if err != nil {
			return nil, Origin{}, err
		}
		o := originOf(list.Label, int64(len(list.Body)), list.Fetched)
		o.Session, o.Attempt = list.Label.Session, attempt.String()
		if err := o.check(i); err != nil {
			return nil, Origin{}, err
		}
		return documentReader(list.Body), o, nil
	}
	if i.Attempt != "" || i.Media != "" || i.Context != "" {
		return nil, Origin{}, fmt.Errorf("exhibit: %q is of the session, and of no attempt or file: %w", i.Name, library.ErrNotFound)
	}
	d, err := s.lib.OpenDocument(ctx, id, kind)
	if kind == listing.HoldDocument { // it is our own, and nobody signed it
		return documentReader(d.Body), Origin{Size: d.Size, SHA256: hex.EncodeToString(d.SHA256[:]), Received: d.Received.UTC()}, err
	}
	return documentReader(d.Body), originOf(d.Label, d.Size, d.Fetched), err
}

func documentReader(body []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }

func (s *shelf) openFile(ctx context.Context, i Item, id veriff.SessionID, attempt veriff.AttemptID) (io.ReadCloser, Origin, error) {
	media, err := veriff.ParseMediaID(i.Media)
	if err != nil {
		return nil, Origin{}, fmt.Errorf("exhibit: media %q: %w", i.Media, err)
	}
	var list *library.Listing
	if i.OfAttempt {
		list, err = s.lib.Attempt(ctx, attempt)
	} else {
		list, err = s.lib.Session(ctx, id)
	}
	if err != nil {
		return nil, Origin{}, err
	}
	f, ok := list.Find(media)
	if !ok {
		return nil, Origin{}, list.Missing(i.Media)
	}
	found := Origin{Context: f.Context()}
	if !list.Session.IsZero() {
		found.Session = list.Session.String()
	}
	if !list.Attempt.IsZero() {
		found.Attempt = list.Attempt.String()
	}
	if err := found.check(i); err != nil {
		return nil, Origin{}, err
	}
	h, err := s.lib.Open(ctx, f)
	if err != nil {
		return nil, Origin{}, err
	}
	sum, err := h.SHA256()
	if err != nil {
		h.Close()
		return nil, Origin{}, err
	}
	o := originOf(h.Label(), h.Size(), h.From() == library.FromAPI)
	o.SHA256 = hex.EncodeToString(sum[:])
	o.Shared = h.From() == library.FromTeam
	o.Session, o.Attempt, o.Context = found.Session, found.Attempt, found.Context
	return &reading{io.NewSectionReader(h, 0, h.Size()), h}, o, nil
}

// check refuses an item that says something else than what was found by its ids. What is
// not known of it contradicts nothing.
func (o Origin) check(i Item) error {
	switch {
	case o.Session != "" && i.Session != o.Session:
		return fmt.Errorf("exhibit: %s is of another session than %s: %w", i.label(), i.Session, library.ErrNotFound)
	case o.Attempt != "" && i.Attempt != "" && i.Attempt != o.Attempt:
		return fmt.Errorf("exhibit: %s is of the attempt %s: %w", i.label(), o.Attempt, library.ErrNotFound)
	case i.Context != "" && i.Context != o.Context:
		return fmt.Errorf("exhibit: %s has the context %q: %w", i.label(), o.Context, library.ErrNotFound)
	}
	return nil
}

// label names an item in errors.
func (i Item) label() string {
	if i.Kind == Media {
		return "the file " + i.Media
	}
	return i.Name + " of the attempt " + i.Attempt
}

func originOf(l store.Label, size int64, fetched bool) Origin {
	return Origin{
		Size: size, SHA256: l.SHA256, Signature: l.Signature, Client: l.Client, SecretID: l.SecretID, Verified: l.Secret >= 0,
		Received: l.Received.UTC(), Fetched: fetched,
	}
}

// reading is an open file.
type reading struct {
	*io.SectionReader
	handle *library.Handle
}

func (r *reading) Close() error {
	r.handle.Close()
	return nil
}
