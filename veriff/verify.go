package veriff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"time"
)

// VerifyMode says which signature a reply must have.
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
	return 0, &ConfigError{settingVerify, "is unknown", "use require, present or off"}
}

// Sign returns the signature of message by secret, 64 lower-case hexadecimal
// digits. A request's message is the id in its path; a reply's and a
// webhook's is the body.
func Sign(message []byte, secret string) string {
	mac := NewMAC(secret)
	mac.Write(message)
	return hex.EncodeToString(mac.Sum(nil))
}

// NewMAC returns the hash that makes signatures by a secret: what Sign returns is its
// sum, in hexadecimal.
func NewMAC(secret string) hash.Hash { return hmac.New(sha256.New, []byte(secret)) }

// SecretID returns a name for a shared secret, 12 hexadecimal digits, that
// outlasts a change of the order in which secrets are configured and can be
// written down: it is a keyed hash, from which the secret can't be computed.
func SecretID(secret string) string {
	mac := NewMAC(secret)
	mac.Write([]byte("veriffs secret id v1"))
	return hex.EncodeToString(mac.Sum(nil)[:6])
}

// Verify returns which of the secrets signed body, and false if none did. The
// time it takes depends on the number of secrets and the length of the body,
// not on which one is right.
func Verify(body []byte, signature string, secrets ...string) (int, bool) {
	d := newDigest(secrets)
	d.Write(body)
	index := d.signer(signature)
	return index, index >= 0
}

// Receipt says what was received and who signed it. It exists only once the
// length and the signature are found right.
type Receipt struct {
	Length      int64    // of the body, in bytes
	SHA256      [32]byte // of the body; zero of a file if Config.SHA256 does not ask for it
	Signature   string   // hexadecimal, as received; "" if the reply is unsigned
	Client      string   // the API key that the reply echoes, as received; "" if it does not
	Secret      int      // index of the secret that signed it; -1 if none did, as far as was checked
	SecretID    string   // its SecretID; "" if none did
	ContentType string   // as received; may differ from the listing's
	Received    time.Time
}

// digest hashes a body as it passes, for the receipt and for each secret.
type digest struct {
	sum    hash.Hash // nil: nobody needs it
	macs   []hash.Hash
	length int64
}

func newDigest(secrets []string) *digest {
	d := &digest{sum: sha256.New()}
	for _, s := range secrets {
		d.macs = append(d.macs, NewMAC(s))
	}
	return d
}

func (d *digest) Write(p []byte) (int, error) {
	d.length += int64(len(p))
	if d.sum != nil {
		d.sum.Write(p)
	}
	for _, mac := range d.macs {
		mac.Write(p)
	}
	return len(p), nil
}

// signer returns the index of the secret that made the signature, or -1. It
// always tries all.
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
