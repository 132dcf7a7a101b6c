package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"

	"veriffs/veriff"
)

// keys are what authenticates requests and signs replies. The sandbox's lock
// guards them.
type keys struct {
	secrets  []string
	signer   int // index into secrets
	inactive bool
}

// refuse authenticates a request as the API does.
func (k *keys) refuse(apiKey string, kind Kind, id string, h http.Header) (reply, bool) {
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
	if !strings.EqualFold(key, apiKey) {
		return unauthorized("1803", "No integration was found for the API key in the X-AUTH-CLIENT header.")
	}
	if k.inactive {
		return unauthorized("1804", "The integration of the API key in the X-AUTH-CLIENT header is not active.")
	}
	sum, err := hex.DecodeString(signature)
	if err != nil || len(sum) != sha256.Size {
		return unauthorized("1812", "The X-HMAC-SIGNATURE header must be a valid SHA-256 HMAC signature.")
	}
	for _, secret := range k.secrets {
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
