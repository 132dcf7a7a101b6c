package veriff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a call's error is, for errors.Is. Everything else is an answer that
// was not foreseen, with an *APIError in it, or the context's own error.
var (
	// ErrNotFound: the API says, authentically, that there is no such thing.
	ErrNotFound = errors.New("not found")
	// ErrRefused: the API refused the credentials (401, 403).
	ErrRefused = errors.New("credentials refused")
	// ErrRateLimited: too many requests, and no room to wait any longer.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnreachable: no answer at all, for want of a name, a route, a
	// connection, a trusted certificate, or the first byte in time.
	ErrUnreachable = errors.New("API unreachable")
	// ErrSignature: the reply's signature is missing or wrong.
	ErrSignature = errors.New("reply not authenticated")
	// ErrBody: the reply is not what was asked for: cut short, stalled, too
	// long, of the wrong length, not a listing, or an error sent with 200.
	ErrBody = errors.New("bad reply")
	// ErrServer: the API answered 5xx, again and again.
	ErrServer = errors.New("server error")
	// ErrRedirect: the API redirected to another scheme, host or port.
	ErrRedirect = errors.New("redirect refused")
	// ErrSink: the receiver of a download failed; its own error is wrapped.
	ErrSink = errors.New("could not store")
)

// APIError is an answer other than 200, or an error that was sent with 200.
type APIError struct {
	Status    int    // of HTTP
	Code      string // Veriff's own, e.g. "1818"; may be empty
	Message   string // at most 200 bytes, printable, without credentials
	Authentic bool   // the signature was checked and right
}

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

// likelyCause says in words what a refusal's code means and what to do.
func (e *APIError) likelyCause() string {
	switch e.Code {
	case "1801":
		return "the API key did not arrive: a proxy may have removed it"
	case "1802":
		return "the API key is not a UUID: check VERIFF_API_KEY"
	case "1803":
		return "no integration has this API key: check VERIFF_API_KEY, and that VERIFF_API_URL is that integration's"
	case "1804":
		return "the integration is not active: check it in the customer portal"
	case "1812":
		return "the signature did not arrive whole: a proxy may have changed it"
	case "1818":
		return "the shared secret does not belong to this API key: check VERIFF_SHARED_SECRET"
	}
	return "check VERIFF_API_KEY and VERIFF_SHARED_SECRET"
}

const (
	// maxErrorBody is the most that is read of an error's body, in bytes.
	maxErrorBody = 64 << 10
	// maxMessage and maxCode are what is kept of a message and a code, in bytes.
	maxMessage = 200
	maxCode    = 32
)

// envelopeKeys are the keys that an error of the API's can have. NFC data,
// which is JSON too, has others.
var envelopeKeys = map[string]bool{
	"status": true, "statusCode": true, "code": true, "message": true, "error": true,
	"path": true, "timestamp": true, "requestId": true, "traceId": true,
}

// parseEnvelope reads {"status":"fail","code":"1101","message":"…"} and the
// variants seen of it: error for message, numbers for strings. It is false
// for any other document, however alike.
func parseEnvelope(body []byte) (code, message string, ok bool) {
	if len(body) > maxErrorBody || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return "", "", false
	}
	var doc map[string]any
	if json.Unmarshal(body, &doc) != nil {
		return "", "", false
	}
	for key, value := range doc {
		switch value.(type) {
		case map[string]any, []any:
			return "", "", false
		}
		if !envelopeKeys[key] {
			return "", "", false
		}
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

// apiError makes an answer's body into an error that is safe to show.
func (c *Client) apiError(status int, body []byte, authentic bool) *APIError {
	code, message, _ := parseEnvelope(body)
	return &APIError{
		Status: status, Authentic: authentic,
		Code: c.presentable(code, maxCode), Message: c.presentable(message, maxMessage),
	}
}

// signatureLike matches what could be a signature: those of requests and of
// replies are 64 hexadecimal digits.
var signatureLike = regexp.MustCompile(`(?i)[0-9a-f]{64,}`)

// presentable makes a server's text fit for errors and logs: what does not
// print is dropped, credentials that may have been echoed are removed, and
// the length is capped, in bytes.
func (c *Client) presentable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	for _, credential := range append([]string{c.key}, c.secrets...) {
		s = strings.ReplaceAll(s, credential, "[redacted]")
	}
	s = signatureLike.ReplaceAllString(s, "[redacted]")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
