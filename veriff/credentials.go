package veriff

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// credentials sign requests, check replies, and stay out of every text.
type credentials struct {
	key     string
	secrets []string // the first signs requests
	ids     []string // their SecretIDs
	mode    VerifyMode
	plain   bool        // compute the SHA-256 of files, too
	signed  atomic.Bool // see Client.Signed
}

func secretIDs(secrets []string) (ids []string) {
	for _, s := range secrets {
		ids = append(ids, SecretID(s))
	}
	return ids
}

// The headers of a request and of a reply. The older two came with replies
// until October 2025.
const (
	headerKey          = "X-Auth-Client"
	headerSignature    = "X-Hmac-Signature"
	headerKeyOld       = "Vrf-Auth-Client"
	headerSignatureOld = "Vrf-Hmac-Signature"
)

// sign adds to a request what proves who asks for the id.
func (c *credentials) sign(h http.Header, id string) {
	h.Set(headerKey, c.key)
	h.Set(headerSignature, Sign([]byte(id), c.secrets[0]))
}

// digest hashes a file for the secrets that the verify mode has a use for: with
// VerifyOff, hashing a video five times would be wasted.
func (c *credentials) digest() *digest {
	switch {
	case c.mode == VerifyOff:
		return newDigest(nil)
	case c.mode == VerifyRequire && !c.plain && len(c.secrets) == 1:
		d := newDigest(c.secrets)
		d.sum = nil
		return d
	}
	return newDigest(c.secrets)
}

// precheck refuses what the headers alone give away, before a body is spent
// time on. The echoed API key may be missing: what authenticates a reply is
// its signature, since the secret belongs to one integration; but an echo of
// another key means that the reply was meant for someone else.
func (c *credentials) precheck(h http.Header) error {
	switch {
	case c.mode == VerifyOff:
		return nil
	case !c.addressed(h):
		return fmt.Errorf("%w: it is addressed to another API key", ErrSignature)
	case c.mode == VerifyRequire && either(h, headerSignature, headerSignatureOld) == "":
		return fmt.Errorf("%w: it is unsigned, and the verify mode is require; is the API URL the API's?", ErrSignature)
	}
	return nil
}

// addressed reports whether a reply may be meant for our API key.
func (c *credentials) addressed(h http.Header) bool {
	echo := either(h, headerKey, headerKeyOld)
	return echo == "" || strings.EqualFold(echo, c.key)
}

// receipt checks the signature of the body that went through d.
func (c *credentials) receipt(h http.Header, d *digest) (Receipt, error) {
	if err := c.precheck(h); err != nil {
		return Receipt{}, err
	}
	r := Receipt{
		Length:      d.length,
		Signature:   either(h, headerSignature, headerSignatureOld),
		Secret:      -1,
		ContentType: h.Get("Content-Type"),
		Received:    time.Now(),
	}
	if c.addressed(h) {
		r.Client = either(h, headerKey, headerKeyOld)
	}
	if d.sum != nil {
		d.sum.Sum(r.SHA256[:0])
	}
	switch {
	case r.Signature == "":
		return r, nil
	case c.mode == VerifyOff:
		if b, err := hex.DecodeString(r.Signature); err != nil || len(b) != len(r.SHA256) {
			r.Signature = ""
		}
		if c.addressed(h) {
			r.Secret = d.signer(r.Signature)
		}
	default:
		if r.Secret = d.signer(r.Signature); r.Secret < 0 {
			return Receipt{}, fmt.Errorf("%w: its signature fits none of the %d shared secrets, or the body was changed", ErrSignature, len(c.secrets))
		}
	}
	if r.Secret >= 0 {
		r.SecretID = c.ids[r.Secret]
		c.signed.Store(true)
	}
	return r, nil
}

// checkBody decides about a 200 whose whole body went through d. net/http has
// checked the length: a body has no EOF before. head is the body, or nil if it
// is too long to be an error's.
func (c *credentials) checkBody(resp *http.Response, d *digest, head []byte) (Receipt, error) {
	receipt, err := c.receipt(resp.Header, d)
	if err != nil {
		return Receipt{}, err
	}
	if _, _, isError := parseEnvelope(head); isError {
		return Receipt{}, fmt.Errorf("%w: an error sent as success: %w", ErrBody, c.apiError(resp.StatusCode, head, receipt.Secret >= 0))
	}
	return receipt, nil
}

// apiError makes an answer's body into an error that is safe to show.
func (c *credentials) apiError(status int, body []byte, authentic bool) *APIError {
	code, message, ok := parseEnvelope(body)
	if !ok {
		code, message = "", "" // of a document that is about something else
	}
	return &APIError{
		Status: status, Authentic: authentic, Formed: ok,
		Code: c.presentable(code, maxCode), Message: c.presentable(message, maxMessage),
	}
}

// signatureLike matches what could be a signature: those of requests and of
// replies are 64 hexadecimal digits.
var signatureLike = regexp.MustCompile(`(?i)[0-9a-f]{64,}`)

// presentable makes a server's text fit for errors and logs: it drops what
// does not print, removes credentials that may have been echoed, and caps the
// length, in bytes.
func (c *credentials) presentable(s string, limit int) string {
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

func either(h http.Header, name, older string) string {
	if v := strings.TrimSpace(h.Get(name)); v != "" {
		return v
	}
	return strings.TrimSpace(h.Get(older))
}
