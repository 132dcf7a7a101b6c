package sandbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

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
	Other           Kind = "other" // no path of the API's
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
	kind, id := route(r.URL.Path)
	p := s.begin(kind, id, r)
	p.finish = sync.OnceFunc(s.end)
	defer p.finish()
	answer := s.answer(kind, id, r, p.edit)
	for _, change := range p.replace {
		answer = change(answer)
	}
	s.deliver(w, r, p, answer)
}

// begin counts the request and gathers what the faults make of it.
func (s *Sandbox) begin(kind Kind, id string, r *http.Request) *plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.begin(kind, r.URL.Path)
	p := &plan{secret: s.secrets[s.signer]}
	for _, f := range s.faults {
		if f.takes(kind, id) {
			for _, effect := range f.effects {
				effect(p, f)
			}
		}
	}
	return p
}

func (s *Sandbox) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.end()
}

// route splits a path into what it asks for and the id it names.
func route(path string) (Kind, string) {
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return Other, ""
	}
	parts := strings.Split(rest, "/")
	switch {
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
	if r.Method != http.MethodGet {
		return failure(http.StatusMethodNotAllowed, "", "Method not allowed")
	}
	if refused, ok := s.refuse(kind, id, r.Header); ok {
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
	return s.resource(kind, id, edit)
}

// refuse authenticates a request as the API does.
func (s *Sandbox) refuse(kind Kind, id string, h http.Header) (reply, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, signature := h.Get("X-AUTH-CLIENT"), h.Get("X-HMAC-SIGNATURE")
	unauthorized := func(code, message string) (reply, bool) {
		return failure(http.StatusUnauthorized, code, message), true
	}
	if key == "" {
		return unauthorized("1801", "Mandatory X-AUTH-CLIENT header containing the API key is missing from the request.")
	}
	if _, err := veriff.ParseSessionID(key); err != nil {
		return unauthorized("1802", "The API key in the X-AUTH-CLIENT header must be a valid UUID.")
	}
	if !strings.EqualFold(key, s.APIKey) {
		return unauthorized("1803", "No integration was found for the API key in the X-AUTH-CLIENT header.")
	}
	if s.inactive {
		return unauthorized("1804", "The integration of the API key in the X-AUTH-CLIENT header is not active.")
	}
	sum, err := hex.DecodeString(signature)
	if err != nil || len(sum) != sha256.Size {
		return unauthorized("1812", "The X-HMAC-SIGNATURE header must be a valid SHA-256 HMAC signature.")
	}
	for _, secret := range s.secrets {
		if hmac.Equal(sum, sign(secret, strings.NewReader(id))) {
			return reply{}, false
		}
	}
	if kind == Other {
		return reply{}, false // nothing there to sign
	}
	return unauthorized("1818", "The X-HMAC-SIGNATURE header does not match the signature of the request.")
}

// sign returns the HMAC-SHA256 of what the reader holds.
func sign(secret string, r io.Reader) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	if _, err := io.Copy(h, r); err != nil {
		panic("sandbox: content can't be read: " + err.Error())
	}
	return h.Sum(nil)
}

// resource answers an authenticated request for a well-formed id.
func (s *Sandbox) resource(kind Kind, id string, edit listEdit) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case Media:
		mid, _ := veriff.ParseMediaID(id)
		if _, f, ok := s.world.file(mid); ok {
			content := f.Open()
			return reply{http.StatusOK, f.MIMEType, content, content.Size()}
		}
		return failure(http.StatusNotFound, "", "Resource not found")
	case AttemptMedia:
		aid, _ := veriff.ParseAttemptID(id)
		if session, a, ok := s.world.attempt(aid); ok {
			return jsonReply(http.StatusOK, s.mediaListLocked(session.ID, a, edit))
		}
		return failure(http.StatusNotFound, "", "Attempt not found")
	}
	sid, _ := veriff.ParseSessionID(id)
	session, ok := s.world.session(sid)
	if !ok {
		return failure(http.StatusNotFound, "", "Session not found")
	}
	switch kind {
	case SessionMedia:
		return jsonReply(http.StatusOK, s.mediaListLocked(sid, session.newest(), edit))
	case SessionAttempts:
		return jsonReply(http.StatusOK, s.attemptListLocked(session))
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
	answer := s.resource(kind, id.String(), listEdit{})
	body := make([]byte, answer.size)
	if _, err := answer.body.ReadAt(body, 0); err != nil && err != io.EOF {
		panic("sandbox: content can't be read: " + err.Error())
	}
	return body
}
