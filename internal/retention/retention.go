// Package retention says of each session why it is in the cache, and when it goes.
//
// Promises: it goes by the labels sealed with the objects, by the holds and by the
// catalog, and asks nobody. A session of which only a pin is left, and no object, is
// not in it. It does no I/O but what the cache that it is given does.
//
// A [Report] is made by one call and shared by nobody.
package retention

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"veriffs/cache"
	"veriffs/internal/hold"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// Why says why a session is still in the cache.
type Why string

// The reasons, the strongest first.
const (
	WhyHeld   Why = "held"
	WhyHolds  Why = "unreadable holds" // which may be its own: nothing goes until all can be read
	WhyErased Why = "to be erased"
	WhyAge    Why = "age" // until its files are too old
	WhyPinned Why = "pinned"
	WhyRoom   Why = "room" // until room is needed
)

// AtVeriff says whether Veriff still has a session, as far as is known here.
type AtVeriff string

// What may be known.
const (
	Listed  AtVeriff = "listed"  // when it was last asked for
	Partly  AtVeriff = "partly"  // some of it is gone
	Gone    AtVeriff = "gone"    // Veriff's signed word
	Unknown AtVeriff = "unknown" // it was never listed, or its list is not here any more
)

// Session is what is known of one.
type Session struct {
	Session string    `json:"session"` // empty: files of which it is not known whose they are
	Files   int       `json:"files"`
	Lists   int       `json:"lists"` // listings and documents
	Bytes   int64     `json:"bytes"` // on disk
	First   time.Time `json:"first_fetched,omitzero"`
	Last    time.Time `json:"last_fetched,omitzero"`

	Why    Why          `json:"why"`
	Hold   *hold.Report `json:"hold,omitempty"`
	Pinned int          `json:"pinned"` // files
	// FirstGoes and LastGoes are when the first and the last of its files are too old;
	// zero if there is no age, or if they are held or may be.
	FirstGoes time.Time `json:"first_goes,omitzero"`
	LastGoes  time.Time `json:"last_goes,omitzero"`

	AtVeriff AtVeriff  `json:"at_veriff"`
	Asked    time.Time `json:"asked,omitzero"` // when Veriff last listed it, or since when it is known to be gone
}

// Report is what is known of all.
type Report struct {
	MaxAge   time.Duration `json:"max_age_ns,omitempty"`       // 0: files do not go for their age
	Sessions []Session     `json:"sessions"`                   // in the order of their ids
	Damaged  int64         `json:"damaged"`                    // objects that can't be read
	Foreign  int64         `json:"foreign"`                    // objects of secrets that are not configured
	Broken   string        `json:"unreadable_holds,omitempty"` // why; as long as it is so, nothing of anybody goes
}

// Options is where a report comes from.
type Options struct {
	Cache *cache.Cache
	Holds *hold.Set
	// Owner returns the session of an attempt, zero if it is not known.
	Owner func(veriff.AttemptID) veriff.SessionID
	// Lost reports whether a session is gone and still to be erased.
	Lost func(veriff.SessionID) bool
	// Only are the sessions that are asked for; none: all.
	Only []veriff.SessionID
}

// Of makes the report, for which the header of every object is read.
func Of(ctx context.Context, o Options) (Report, error) {
	r := Report{MaxAge: o.Cache.Stats().MaxAge}
	if err := o.Holds.Broken(); err != nil {
		r.Broken = err.Error()
	}
	m := maker{o, r.MaxAge, r.Broken != "", make(map[veriff.SessionID]*Session)}
	for _, h := range o.Holds.All() {
		if m.wants(h.Session) {
			m.session(h.Session)
		}
	}
	rest, err := o.Cache.Visit(ctx, m.add)
	if r.Damaged, r.Foreign = rest.Damaged, rest.Foreign; err != nil {
		return r, err
	}
	ids := make([]veriff.SessionID, 0, len(m.found))
	for id, s := range m.found {
		m.explain(id, s)
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b veriff.SessionID) int { return bytes.Compare(a[:], b[:]) })
	r.Sessions = make([]Session, 0, len(ids))
	for _, id := range ids {
		r.Sessions = append(r.Sessions, *m.found[id])
	}
	return r, nil
}

type maker struct {
	Options
	maxAge time.Duration
	broken bool // some holds can't be read, and everything is held
	found  map[veriff.SessionID]*Session
}

func (m *maker) wants(id veriff.SessionID) bool {
	return len(m.Only) == 0 || slices.Contains(m.Only, id)
}

func (m *maker) session(id veriff.SessionID) *Session {
	s := m.found[id]
	if s == nil {
		s = &Session{AtVeriff: Unknown}
		if !id.IsZero() {
			s.Session = id.String()
		}
		m.found[id] = s
	}
	return s
}

// add counts an object.
func (m *maker) add(e cache.Entry) {
	label, err := store.ParseLabel(e.Label)
	if err != nil || e.Key == store.CatalogKey {
		return
	}
	session, attempt := label.Owners()
	media, isFile := store.FileOf(e.Key)
	if h := m.Holds.Owner(session, attempt, media); h != nil {
		session = h.Session
	} else if session.IsZero() {
		session = m.Owner(attempt)
	}
	if !m.wants(session) {
		return
	}
	s := m.session(session)
	s.Bytes += e.Bytes
	if store.IsMediaList(e.Key) && e.Stored.After(s.Asked) {
		s.AtVeriff, s.Asked = Listed, e.Stored
	}
	if !isFile {
		s.Lists++
		return
	}
	s.Files++
	if m.Cache.Pinned(e.Key) {
		s.Pinned++
	}
	s.First, s.Last = earliest(s.First, label.Received), latest(s.Last, label.Received)
	if m.maxAge > 0 {
		goes := e.Stored.Add(m.maxAge)
		s.FirstGoes, s.LastGoes = earliest(s.FirstGoes, goes), latest(s.LastGoes, goes)
	}
}

// explain says why a session is here.
func (m *maker) explain(id veriff.SessionID, s *Session) {
	if m.Lost(id) {
		s.AtVeriff, s.Asked = Gone, time.Time{}
	}
	h := m.Holds.Of(id)
	if h != nil {
		report := h.Report()
		s.Hold = &report
		if report.Gone != nil {
			s.AtVeriff = Partly
		}
		if !h.Gone.IsZero() {
			s.AtVeriff, s.Asked = Gone, h.Gone
		}
	}
	if h != nil || m.broken {
		s.FirstGoes, s.LastGoes = time.Time{}, time.Time{}
	}
	s.Why = cmp.Or(
		pick(h != nil, WhyHeld), pick(m.broken, WhyHolds), pick(s.AtVeriff == Gone, WhyErased),
		pick(m.maxAge > 0, WhyAge), pick(s.Pinned > 0, WhyPinned), WhyRoom)
}

func pick(is bool, why Why) Why {
	if is {
		return why
	}
	return ""
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
