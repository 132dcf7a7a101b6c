package veriff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"time"
)

// VerifyMode says what is demanded of a reply's signature.
type VerifyMode int

const (
	// VerifyRequire refuses a reply whose signature is missing or wrong.
	// Veriff's documentation promises one on every reply.
	VerifyRequire VerifyMode = iota
	// VerifyPresent refuses a wrong signature and accepts a missing one.
	VerifyPresent
	// VerifyOff accepts every reply.
	VerifyOff
)

var verifyModes = [...]string{"require", "present", "off"}

func (m VerifyMode) String() string {
	if m < 0 || int(m) >= len(verifyModes) {
		return fmt.Sprintf("VerifyMode(%d)", int(m))
	}
	return verifyModes[m]
}

// ParseVerifyMode reads "require", "present" or "off".
func ParseVerifyMode(s string) (VerifyMode, error) {
	for i, name := range verifyModes {
		if s == name {
			return VerifyMode(i), nil
		}
	}
	return 0, &ConfigError{"verify mode", "is unknown", "use require, present or off"}
}

// Sign returns the signature of message by secret, 64 lower-case hexadecimal
// digits. A request's message is the id in its path; a reply's and a
// webhook's is the body.
func Sign(message []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(message)
	return hex.EncodeToString(mac.Sum(nil))
}

// Verify returns which of the secrets signed body, and false if none did. Its
// time depends on the number of secrets and on the length of the body, not on
// which one is right.
func Verify(body []byte, signature string, secrets ...string) (int, bool) {
	d := newDigest(secrets)
	d.Write(body)
	index := d.signer(signature)
	return index, index >= 0
}

// The headers of a request and of a reply. The older two came with replies
// until October 2025.
const (
	headerKey          = "X-Auth-Client"
	headerSignature    = "X-Hmac-Signature"
	headerKeyOld       = "Vrf-Auth-Client"
	headerSignatureOld = "Vrf-Hmac-Signature"
)

// Receipt says what was received and on whose word. It is made only once the
// length and the signature were found right.
type Receipt struct {
	Length      int64    // of the body, in bytes
	SHA256      [32]byte // of the body
	Signature   string   // hexadecimal, as received; "" if the reply is unsigned
	Secret      int      // index of the secret that verified it; -1 if none did or was asked to
	ContentType string   // as received; may differ from the listing's
	Received    time.Time
}

// digest hashes a body as it goes by, for the receipt and for each secret.
type digest struct {
	sum    hash.Hash
	macs   []hash.Hash
	length int64
}

func newDigest(secrets []string) *digest {
	d := &digest{sum: sha256.New()}
	for _, s := range secrets {
		d.macs = append(d.macs, hmac.New(sha256.New, []byte(s)))
	}
	return d
}

func (d *digest) Write(p []byte) (int, error) {
	d.length += int64(len(p))
	d.sum.Write(p)
	for _, mac := range d.macs {
		mac.Write(p)
	}
	return len(p), nil
}

// signer returns the index of the secret that made the signature, or -1. All
// secrets are tried whichever fits.
func (d *digest) signer(signature string) int {
	want, err := hex.DecodeString(signature)
	if err != nil || len(want) != sha256.Size {
		return -1
	}
	index := -1
	for i, mac := range d.macs {
		if hmac.Equal(mac.Sum(nil), want) && index < 0 {
			index = i
		}
	}
	return index
}

// newDigest hashes for the secrets that the verify mode has a use for: with
// VerifyOff hashing a video five times would be for nothing.
func (c *Client) newDigest() *digest {
	if c.verify == VerifyOff {
		return newDigest(nil)
	}
	return newDigest(c.secrets)
}

// precheck refuses what the headers alone give away, before a body is spent
// time on. The echoed API key may be missing: what authenticates a reply is
// its signature, since the secret belongs to one integration; but an echo of
// another key means that the reply was meant for someone else.
func (c *Client) precheck(h http.Header) error {
	if c.verify == VerifyOff {
		return nil
	}
	if !c.addressed(h) {
		return fmt.Errorf("%w: it is addressed to another API key", ErrSignature)
	}
	if c.verify == VerifyRequire && either(h, headerSignature, headerSignatureOld) == "" {
		return fmt.Errorf("%w: it is unsigned; is VERIFF_API_URL the API's? (--verify=present accepts unsigned replies)", ErrSignature)
	}
	return nil
}

// addressed reports whether a reply may be meant for our API key.
func (c *Client) addressed(h http.Header) bool {
	echo := either(h, headerKey, headerKeyOld)
	return echo == "" || strings.EqualFold(echo, c.key)
}

// receipt checks the signature of the body that went through d.
func (c *Client) receipt(h http.Header, d *digest) (Receipt, error) {
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
	d.sum.Sum(r.SHA256[:0])
	switch {
	case r.Signature == "":
		return r, nil
	case c.verify == VerifyOff:
		if b, err := hex.DecodeString(r.Signature); err != nil || len(b) != sha256.Size {
			r.Signature = ""
		}
		if c.addressed(h) {
			r.Secret = d.signer(r.Signature)
		}
	default:
		if r.Secret = d.signer(r.Signature); r.Secret < 0 {
			return Receipt{}, fmt.Errorf("%w: its signature is by none of the %d shared secrets, or the body was changed", ErrSignature, len(c.secrets))
		}
	}
	if r.Secret >= 0 {
		c.signed.Store(true)
	}
	return r, nil
}

// Signed reports whether a reply has come that one of the configured secrets
// signed: then at least that one is not mistyped.
func (c *Client) Signed() bool { return c.signed.Load() }

func either(h http.Header, name, older string) string {
	if v := strings.TrimSpace(h.Get(name)); v != "" {
		return v
	}
	return strings.TrimSpace(h.Get(older))
}
