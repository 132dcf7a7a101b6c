package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"veriffs/veriff"
)

// Kind is what a request asks for.
type Kind string

// The kinds of request.
const (
	SessionMedia    Kind = "session-media"
	SessionAttempts Kind = "session-attempts"
	AttemptMedia    Kind = "attempt-media"
	Media           Kind = "media"
	Decision        Kind = "decision"
	PersonData      Kind = "person"
	Watchlist       Kind = "watchlist-screening"
	Deletion        Kind = "deletion" // DELETE of a session
	Other           Kind = "other"    // no path of the API's
)

// reply is an answer before it is signed and any fault is applied.
type reply struct {
	status      int
	contentType string
	body        io.ReaderAt
	size        int64
}

func jsonReply(status int, body []byte) reply {
	return reply{status, "application/json; charset=utf-8", bytes.NewReader(body), int64(len(body))}
}

// failure is the API's error envelope.
func failure(status int, code, message string) reply {
	// A struct, so that nothing about it can fail to be encoded.
	body, _ := json.Marshal(struct {
		Status  string `json:"status"`
		Code    string `json:"code,omitempty"`
		Message string `json:"message"`
	}{"fail", code, message})
	return jsonReply(status, body)
}

// ServeHTTP answers one request, through the faults that match it.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, id := route(r.Method, r.URL.Path)
	p := s.begin(kind, id, r)
	p.finish = sync.OnceFunc(s.journal.end)
	defer p.finish()
	answer := s.answer(kind, id, r, p.edit)
	for _, change := range p.replace {
		answer = change(answer)
	}
	(&delivery{s, w, r, p, answer}).deliver()
}

// begin counts the request and gathers what the faults make of it.
func (s *Sandbox) begin(kind Kind, id string, r *http.Request) *plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.begin(kind, r.URL.Path)
	p := &plan{secret: s.keys.secrets[s.keys.signer]}
	for _, f := range s.faults {
		if f.takes(kind, id) {
			for _, effect := range f.effects {
				effect(p, f)
			}
		}
	}
	return p
}

// route splits a path into what it asks for and the id it names.
func route(method, path string) (Kind, string) {
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return Other, ""
	}
	parts := strings.Split(rest, "/")
	switch {
	case method == http.MethodDelete:
		if len(parts) == 2 && parts[0] == "sessions" {
			return Deletion, parts[1]
		}
	case len(parts) == 2 && parts[0] == "media":
		return Media, parts[1]
	case len(parts) == 3 && parts[0] == "attempts" && parts[2] == "media":
		return AttemptMedia, parts[1]
	case len(parts) == 3 && parts[0] == "sessions":
		switch parts[2] {
		case "media":
			return SessionMedia, parts[1]
		case "attempts":
			return SessionAttempts, parts[1]
		case "decision", "person", "watchlist-screening":
			return Kind(parts[2]), parts[1]
		}
	}
	return Other, ""
}

func (s *Sandbox) answer(kind Kind, id string, r *http.Request, edit listEdit) reply {
	if r.Method != http.MethodGet && kind != Deletion {
		return failure(http.StatusMethodNotAllowed, "", "Method not allowed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused, ok := s.keys.refuse(s.APIKey, kind, id, r.Header); ok {
		return refused
	}
	switch {
	case kind == Other:
		return failure(http.StatusNotFound, "", "Resource not found")
	case len(id) != 36:
		return failure(http.StatusBadRequest, "1001", "The length of the ID is not valid")
	case id[14] != '4' || !strings.ContainsRune("89abAB", rune(id[19])):
		return failure(http.StatusBadRequest, "1002", "ID must be a valid UUID v4")
	}
	if _, err := veriff.ParseSessionID(id); err != nil {
		return failure(http.StatusBadRequest, "1002", "ID must be a valid UUID v4")
	}
	if kind == Deletion {
		return s.delete(id, time.Now())
	}
	return s.world.resource(kind, id, edit)
}

// resource answers an authenticated request for a well-formed id.
func (w *world) resource(kind Kind, id string, edit listEdit) reply {
	list := lister{w.order, edit}
	switch kind {
	case Media:
		mid, _ := veriff.ParseMediaID(id)
		if _, f, ok := w.file(mid); ok {
			content := f.Open()
			return reply{http.StatusOK, f.MIMEType, content, content.Size()}
		}
		return failure(http.StatusNotFound, "", "Resource not found")
	case AttemptMedia:
		aid, _ := veriff.ParseAttemptID(id)
		if session, a, ok := w.attempt(aid); ok {
			return jsonReply(http.StatusOK, list.media(session.ID, a))
		}
		return failure(http.StatusNotFound, "", "Attempt not found")
	}
	sid, _ := veriff.ParseSessionID(id)
	session, ok := w.session(sid)
	if !ok {
		return failure(http.StatusNotFound, "", "Session not found")
	}
	switch kind {
	case SessionMedia:
		return jsonReply(http.StatusOK, list.media(sid, session.newest()))
	case SessionAttempts:
		return jsonReply(http.StatusOK, list.attempts(session))
	case Decision:
		return jsonReply(http.StatusOK, decisionDocument(session))
	case Watchlist:
		return jsonReply(http.StatusOK, watchlistDocument(session))
	default:
		if session.Person == (Person{}) {
			return failure(http.StatusNotFound, "", "Person not found")
		}
		return jsonReply(http.StatusOK, personDocument(session))
	}
}

// Document returns the body that an authenticated request of this kind is
// answered with at present, a 404's envelope included; no fault touches it.
func (s *Sandbox) Document(kind Kind, id interface{ String() string }) []byte {
	s.mu.Lock()
	answer := s.world.resource(kind, id.String(), listEdit{})
	s.mu.Unlock()
	body := make([]byte, answer.size)
	if _, err := answer.body.ReadAt(body, 0); err != nil && err != io.EOF {
		panic("sandbox: content can't be read: " + err.Error())
	}
	return body
}
