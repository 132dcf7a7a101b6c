package veriff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The errors of a call, for errors.Is. Any other is an unforeseen answer, with
// an *APIError in it, or the context's own error.
var (
	// ErrNotFound: the API says so. Outside of VerifyRequire the reply may be
	// unsigned: APIError.Authentic tells.
	ErrNotFound = errors.New("not found")
	// ErrRefused: the API refused the credentials (401, 403).
	ErrRefused = errors.New("credentials refused")
	// ErrRateLimited: the API asked for fewer requests, in answer to this one
	// or to one before it. See Client.HeldUntil and Later.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnreachable: the API can't be reached. There was no connection, for
	// lack of a name, a route or a trusted certificate. Together with
	// ErrNoAnswer: no request at all was answered since the call began.
	ErrUnreachable = errors.New("API unreachable")
	// ErrNoAnswer: there was a connection but no answer, or it came too late,
	// or was not HTTP.
	ErrNoAnswer = errors.New("no answer")
	// ErrNotSent: the context ended while the call waited for a free connection or
	// for the request rate. It says nothing about the API.
	ErrNotSent = errors.New("no request was sent")
	// ErrSignature: the reply's signature is missing or wrong.
	ErrSignature = errors.New("reply not authenticated")
	// ErrBody: the reply is not what was asked for: cut short, stalled, too
	// long, of the wrong length, not a listing, or an error sent with 200.
	ErrBody = errors.New("bad reply")
	// ErrServer: the API answered 5xx to every try.
	ErrServer = errors.New("server error")
	// ErrRedirect: the API redirected to another scheme, host or port.
	ErrRedirect = errors.New("redirect refused")
	// ErrSink: the receiver of a download failed; its own error is wrapped.
	ErrSink = errors.New("could not store")
)

// APIError is an answer other than 200, or an error sent with 200.
type APIError struct {
	Status    int    // of HTTP
	Code      string // Veriff's own, e.g. "1818"; may be empty
	Message   string // at most 200 bytes, printable, without credentials
	Authentic bool   // signed by one of our secrets, in every VerifyMode
	Formed    bool   // the body has the form of the API's errors
}

// FromAPI reports whether the answer is likely the API's own, rather than a
// proxy's or another server's: it is signed, or in the form of its errors.
func (e *APIError) FromAPI() bool { return e.Authentic || e.Formed }

func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the API answered %d", e.Status)
	if e.Code != "" {
		fmt.Fprintf(&b, ", code %s", e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ", %q", e.Message)
	}
	return b.String()
}

const (
	// maxErrorBody is the most that is read of an error's body, in bytes.
	maxErrorBody = 64 << 10
	// maxMessage and maxCode are what is kept of a message and a code, in bytes.
	maxMessage = 200
	maxCode    = 32
)

// envelopeKeys are the keys that an error of the API's can have. NFC data is
// JSON too, but has others.
var envelopeKeys = map[string]bool{
	"status": true, "statusCode": true, "code": true, "message": true, "error": true,
	"path": true, "timestamp": true, "requestId": true, "traceId": true,
}

// parseEnvelope reads {"status":"fail","code":"1101","message":"…"} and its
// known variants: error for message, numbers for strings. It reports false for
// any other document, however similar.
func parseEnvelope(body []byte) (code, message string, ok bool) {
	if len(body) > maxErrorBody || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return "", "", false
	}
	// Token by token, since nearly all documents are others: a key or two tell.
	doc, dec := map[string]any{}, json.NewDecoder(bytes.NewReader(body))
	_, err := dec.Token()
	for err == nil && dec.More() {
		var key, value json.Token
		key, _ = dec.Token() // an error is the next one's, too
		name, _ := key.(string)
		if value, err = dec.Token(); !envelopeKeys[name] || value == json.Delim('{') || value == json.Delim('[') {
			return "", "", false
		}
		doc[name] = value
	}
	if err == nil {
		_, err = dec.Token() // the closing brace
	}
	if _, end := dec.Token(); err != nil || !errors.Is(end, io.EOF) {
		return "", "", false
	}
	code, message = scalar(doc["code"]), scalar(doc["message"])
	if message == "" {
		message = scalar(doc["error"])
	}
	status, given := doc["status"]
	failed := failStatus(status) || !given && code != ""
	return code, message, failed && (code != "" || message != "")
}

// failStatus reports whether a document's status says that it is an error.
func failStatus(status any) bool {
	s := strings.ToLower(scalar(status))
	if n, err := strconv.Atoi(s); err == nil {
		return n >= 400
	}
	return s == "fail" || s == "failed" || s == "failure" || s == "error"
}

func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
