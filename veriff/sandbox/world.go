package sandbox

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"veriffs/veriff"
)

// Session is one verification session and all that is known of it.
type Session struct {
	ID       veriff.SessionID
	Title    string // what there is to see in it, for the demonstration
	Status   string // of the decision: approved, declined, …; "" is none yet
	Person   Person
	Attempts []Attempt // newest first, as the API lists them
}

// Attempt is one run through the verification.
type Attempt struct {
	ID      veriff.AttemptID
	Status  string
	Created time.Time // zero: the list has no createdTime
	Media   []File    // as they were made; the API lists them by "quality"
}

// File is one image, video or NFC file.
type File struct {
	ID       veriff.MediaID
	Context  string // the API's context and name
	MIMEType string
	Size     int64         // bytes
	Duration time.Duration // of a video

	content io.ReaderAt
}

// NewFile returns a file to put into an Attempt for AddAttempt or AddSession,
// which give it its id unless the caller sets one.
func NewFile(context, mimetype string, content []byte) File {
	return File{
		Context: context, MIMEType: mimetype,
		Size: int64(len(content)), content: bytes.NewReader(content),
	}
}

// Open returns a reader of the file's true bytes.
func (f File) Open() *io.SectionReader {
	if f.content == nil {
		return io.NewSectionReader(bytes.NewReader(nil), 0, 0)
	}
	return io.NewSectionReader(f.content, 0, f.Size)
}

// array names the array of a list that the file appears in.
func (f File) array() string {
	switch {
	case strings.HasPrefix(f.MIMEType, "video/"):
		return "videos"
	case f.MIMEType == "application/json":
		return "nfcDocuments"
	default:
		return "images"
	}
}

// Person is who a session is about. All of them are made up.
type Person struct {
	FirstName, LastName string
	Sex                 string // F, M or X
	Born                string // YYYY-MM-DD
	PlaceOfBirth        string
	Nationality         string // three letters
	PersonalNumber      string

	DocumentType   string // PASSPORT, ID_CARD or DRIVERS_LICENSE
	DocumentNumber string
	Country        string // of issue, three letters
	Expires        string // YYYY-MM-DD
}

// place says where a media file is found.
type place struct {
	session veriff.SessionID
	attempt veriff.AttemptID
}

// world holds the sessions: those written down in maps, and behind them those
// of a generated world that nobody has changed. A Session in it is never
// modified, only replaced, so one handed out stays as it was.
type world struct {
	scale    Scale
	ids      []veriff.SessionID // of sessions in byID that aren't generated; oldest first
	byID     map[veriff.SessionID]Session
	attempts map[veriff.AttemptID]veriff.SessionID
	media    map[veriff.MediaID]place
	gone     map[veriff.SessionID]bool
	order    uint64 // changed by ReorderLists
	minted   uint64 // how many ids were made up for Add…
}

func newWorld(scale Scale) world {
	return world{
		scale:    scale.withDefaults(),
		byID:     map[veriff.SessionID]Session{},
		attempts: map[veriff.AttemptID]veriff.SessionID{},
		media:    map[veriff.MediaID]place{},
		gone:     map[veriff.SessionID]bool{},
	}
}

// put adds or replaces a session, by id.
func (w *world) put(s Session) {
	_, generated := w.scale.sessionIndex(s.ID)
	old, known := w.byID[s.ID]
	if known {
		w.unindex(old)
	} else if !generated {
		w.ids = append(w.ids, s.ID)
	}
	delete(w.gone, s.ID)
	w.byID[s.ID] = s
	for _, a := range s.Attempts {
		w.attempts[a.ID] = s.ID
		for _, f := range a.Media {
			w.media[f.ID] = place{s.ID, a.ID}
		}
	}
}

func (w *world) remove(id veriff.SessionID) {
	if s, ok := w.byID[id]; ok {
		w.unindex(s)
		delete(w.byID, id)
	}
	w.ids = slices.DeleteFunc(w.ids, func(other veriff.SessionID) bool { return other == id })
	w.gone[id] = true
}

func (w *world) unindex(s Session) {
	for _, a := range s.Attempts {
		delete(w.attempts, a.ID)
		for _, f := range a.Media {
			delete(w.media, f.ID)
		}
	}
}

func (w *world) sessionIDs() []veriff.SessionID {
	ids := slices.Clone(w.ids)
	slices.Reverse(ids)
	for i := range w.scale.Sessions {
		if id := w.scale.sessionID(i); !w.gone[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

func (w *world) session(id veriff.SessionID) (Session, bool) {
	if s, ok := w.byID[id]; ok {
		return s, true
	}
	if i, ok := w.scale.sessionIndex(id); ok && !w.gone[id] {
		return w.scale.session(i), true
	}
	return Session{}, false
}

func (w *world) attempt(id veriff.AttemptID) (Session, Attempt, bool) {
	sid, ok := w.attempts[id]
	if !ok {
		if i, generated := w.scale.attemptIndex(id); generated {
			sid = w.scale.sessionID(i / w.scale.Attempts)
		}
	}
	s, ok := w.session(sid)
	if ok {
		for _, a := range s.Attempts {
			if a.ID == id {
				return s, a, true
			}
		}
	}
	return Session{}, Attempt{}, false
}

// file returns a file and the session that it belongs to. It builds no more of
// a generated world than that one file.
func (w *world) file(id veriff.MediaID) (veriff.SessionID, File, bool) {
	at, ok := w.media[id]
	if !ok {
		i, generated := w.scale.mediaIndex(id)
		if !generated {
			return veriff.SessionID{}, File{}, false
		}
		a := i / w.scale.Files
		at = place{w.scale.sessionID(a / w.scale.Attempts), w.scale.attemptID(a)}
		if _, changed := w.byID[at.session]; !changed && !w.gone[at.session] {
			return at.session, w.scale.file(i), true
		}
	}
	_, a, ok := w.attempt(at.attempt)
	if ok {
		for _, f := range a.Media {
			if f.ID == id {
				return at.session, f, true
			}
		}
	}
	return veriff.SessionID{}, File{}, false
}
