// Package hold is what is remembered of holds: which sessions must not vanish from
// the cache, why, until when, what belonged to them, and what of it Veriff no longer
// has.
//
// Promises. A hold is there from the moment its record is written until somebody
// releases it: that its time has run out, by itself, ends nothing. What was once
// known to belong to a held session is never forgotten, however many listings lack
// it. Only what the caller says the API said, signed, counts as gone. If a record
// can't be read, [Set.Broken] says so, and its callers erase nothing.
//
// Not promised: that the files are in the cache. The package does no I/O of its own
// and knows no keys; a [Keeper] writes the records down.
//
// Concurrency. A [Set] is safe for concurrent use. Set.writing is held while a
// record is written, so that the last one written is the newest; Set.mu is held for
// memory only. A [Record] that a Set returned must not be changed.
package hold

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"veriffs/veriff"
)

// version is that of a record's form. A program that meets a higher one does not
// know what is held, so it erases nothing.
const version = 1

// Record is a hold.
type Record struct {
	Session veriff.SessionID
	Reason  string
	By      string    // who asked for it, as far as is known
	Since   time.Time // when it was recorded first
	Until   time.Time // when it may end by itself; zero: never

	Gone      time.Time  // since when it is known that the API has no such session; zero: it has
	Complete  time.Time  // when all of it was last known to be in the cache; zero: never
	Attempts  []Attempt  // the newest first
	Documents []Document // those that the API has said something about

	// Notices are what the notices of it in a team's store are called, in which the
	// others are told of it: the first, and those that older records had.
	Notices []string
}

// Attempt is an attempt of a held session. Files of which it is not known whose they
// are stand under the zero id.
type Attempt struct {
	ID      veriff.AttemptID
	Created time.Time // zero if not known
	Gone    time.Time // as of a Record
	Files   []File    // sorted by id
}

// File is a file of a held session.
type File struct {
	ID       veriff.MediaID
	Context  string
	MIMEType string
	Size     int64 // bytes as listed, -1 if not given
	Gone     time.Time
}

// Document is what the API has no more of a session, while the session is there.
type Document struct {
	Name string // as in metadata/, without its extension
	Gone time.Time
}

// Expired reports whether a hold may end by itself.
func (r *Record) Expired(now time.Time) bool { return !r.Until.IsZero() && !now.Before(r.Until) }

// Attempt returns an attempt of a session, nil if it is not known.
func (r *Record) Attempt(id veriff.AttemptID) *Attempt {
	if i := slices.IndexFunc(r.Attempts, func(a Attempt) bool { return a.ID == id }); i >= 0 {
		return &r.Attempts[i]
	}
	return nil
}

// AttemptGone returns since when an attempt is gone: it, or its session.
func (r *Record) AttemptGone(id veriff.AttemptID) time.Time {
	if a := r.Attempt(id); a != nil {
		return first(a.Gone, r.Gone)
	}
	return r.Gone
}

// GoneDocument returns since when the API has no such document, the session's own
// end included; zero if it may have it.
func (r *Record) GoneDocument(name string) time.Time {
	for _, d := range r.Documents {
		if d.Name == name {
			return first(d.Gone, r.Gone)
		}
	}
	return r.Gone
}

// File returns a file of a session, nil if it is not known, and its attempt.
func (r *Record) File(id veriff.MediaID) (*File, *Attempt) {
	for i := range r.Attempts {
		if f := r.Attempts[i].file(id); f != nil {
			return f, &r.Attempts[i]
		}
	}
	return nil, nil
}

// Lost reports whether the API has an attempt, or a file of it, no more.
func (a *Attempt) Lost() bool {
	return !a.Gone.IsZero() || slices.ContainsFunc(a.Files, func(f File) bool { return !f.Gone.IsZero() })
}

func (a *Attempt) file(id veriff.MediaID) *File {
	if i, ok := a.find(id); ok {
		return &a.Files[i]
	}
	return nil
}

func (a *Attempt) find(id veriff.MediaID) (int, bool) {
	return slices.BinarySearchFunc(a.Files, id, func(f File, id veriff.MediaID) int { return f.ID.Compare(id) })
}

// FileGone returns since when a file is gone: it, its attempt or its session.
func (r *Record) FileGone(id veriff.MediaID) time.Time {
	f, a := r.File(id)
	if f == nil {
		return r.Gone
	}
	return first(f.Gone, a.Gone, r.Gone)
}

// first returns the earliest of times that are not zero.
func first(times ...time.Time) (earliest time.Time) {
	for _, t := range times {
		if !t.IsZero() && (earliest.IsZero() || t.Before(earliest)) {
			earliest = t
		}
	}
	return earliest
}

// clone returns a copy that can be changed.
func (r *Record) clone() *Record {
	c := *r
	c.Attempts, c.Documents = slices.Clone(r.Attempts), slices.Clone(r.Documents)
	for i := range c.Attempts {
		c.Attempts[i].Files = slices.Clone(c.Attempts[i].Files)
	}
	return &c
}

// What follows is how a record is written down.

type written struct {
	Version   int               `json:"version"`
	Session   string            `json:"session"`
	Reason    string            `json:"reason"`
	By        string            `json:"by,omitempty"`
	Since     time.Time         `json:"since"`
	Until     time.Time         `json:"until,omitzero"`
	Gone      time.Time         `json:"gone,omitzero"`
	Complete  time.Time         `json:"complete,omitzero"`
	Attempts  []writtenAttempt  `json:"attempts,omitempty"`
	Documents []writtenDocument `json:"documents,omitempty"`
	Notices   []string          `json:"notices,omitempty"`
}

type writtenAttempt struct {
	ID      string        `json:"id,omitempty"`
	Created time.Time     `json:"created,omitzero"`
	Gone    time.Time     `json:"gone,omitzero"`
	Files   []writtenFile `json:"files,omitempty"`
}

type writtenFile struct {
	ID       string    `json:"id"`
	Context  string    `json:"context,omitempty"`
	MIMEType string    `json:"mimetype,omitempty"`
	Size     int64     `json:"size"`
	Gone     time.Time `json:"gone,omitzero"`
}

type writtenDocument struct {
	Name string    `json:"name"`
	Gone time.Time `json:"gone"`
}

// Encode returns a record as it is to be written down.
func (r *Record) Encode() []byte {
	w := written{
		Version: version, Session: r.Session.String(), Reason: r.Reason, By: r.By,
		Since: r.Since, Until: r.Until, Gone: r.Gone, Complete: r.Complete, Notices: r.Notices,
	}
	for _, a := range r.Attempts {
		wa := writtenAttempt{Created: a.Created, Gone: a.Gone}
		if !a.ID.IsZero() {
			wa.ID = a.ID.String()
		}
		for _, f := range a.Files {
			wa.Files = append(wa.Files, writtenFile{f.ID.String(), f.Context, f.MIMEType, f.Size, f.Gone})
		}
		w.Attempts = append(w.Attempts, wa)
	}
	for _, d := range r.Documents {
		w.Documents = append(w.Documents, writtenDocument(d))
	}
	text, err := json.Marshal(w)
	if err != nil {
		panic(err) // it has strings, numbers and times
	}
	return text
}

// Decode reads what Encode wrote.
func Decode(text []byte) (*Record, error) {
	var w written
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("hold: malformed record: %w", err)
	}
	if w.Version != version {
		return nil, fmt.Errorf("hold: a record of version %d, of which this program knows nothing", w.Version)
	}
	r := &Record{Reason: w.Reason, By: w.By, Since: w.Since, Until: w.Until, Gone: w.Gone, Complete: w.Complete, Notices: w.Notices}
	var err, errs error
	r.Session, errs = veriff.ParseSessionID(w.Session)
	for _, wa := range w.Attempts {
		a := Attempt{Created: wa.Created, Gone: wa.Gone}
		if wa.ID != "" {
			a.ID, err = veriff.ParseAttemptID(wa.ID)
			errs = errors.Join(errs, err)
		}
		for _, wf := range wa.Files {
			f := File{Context: wf.Context, MIMEType: wf.MIMEType, Size: wf.Size, Gone: wf.Gone}
			f.ID, err = veriff.ParseMediaID(wf.ID)
			errs = errors.Join(errs, err)
			a.Files = append(a.Files, f)
		}
		slices.SortFunc(a.Files, func(a, b File) int { return a.ID.Compare(b.ID) })
		r.Attempts = append(r.Attempts, a)
	}
	for _, d := range w.Documents {
		r.Documents = append(r.Documents, Document(d))
	}
	if errs != nil {
		return nil, fmt.Errorf("hold: malformed record: %w", errs)
	}
	return r, nil
}
