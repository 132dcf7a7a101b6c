// Package store is how a library's objects lie in the cache: under which key,
// and with which label.
//
//	media/MEDIA                a file
//	session/SESSION/DOCUMENT   a document, verbatim, or the word that there is none
//	attempt/ATTEMPT/media      the listing of an attempt, verbatim
//	catalog                    what package catalog remembers
//	hold/SESSION               the hold of a session: a record, no object
//	hold/SESSION/NAME          a notice of a hold, in the store of a team
//
// All but the catalog have a [Label], so that erasure, export and audit need no
// database beside the objects.
//
// Promises: what Put stored, Get returns whole and authenticated, or not at all.
// Not promised: that it is there. The package has one lock, which orders the
// writes of a [Catalog].
package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

const (
	filePrefix = "media/"
	// CatalogKey is the key of the catalog.
	CatalogKey cache.Key = "catalog"
)

// File returns the key of a file.
func File(id veriff.MediaID) cache.Key { return cache.Key(filePrefix + id.String()) }

// Document returns the key of a session's document.
func Document(id listing.DocumentID) cache.Key { return cache.Key("session/" + id.String()) }

// AttemptList returns the key of an attempt's listing.
func AttemptList(id veriff.AttemptID) cache.Key {
	return cache.Key("attempt/" + id.String() + "/media")
}

// IsMediaList reports whether a key is that of a session's listing.
func IsMediaList(key cache.Key) bool {
	return strings.HasPrefix(string(key), "session/") && strings.HasSuffix(string(key), "/media")
}

// FileOf returns which file is under a key.
func FileOf(key cache.Key) (id veriff.MediaID, ok bool) {
	text, ok := strings.CutPrefix(string(key), filePrefix)
	if !ok {
		return id, false
	}
	id, err := veriff.ParseMediaID(text)
	return id, err == nil
}

// Parts returns what a key is made of; what is not in it is zero.
func Parts(key cache.Key) (session veriff.SessionID, attempt veriff.AttemptID, media veriff.MediaID, document string) {
	kind, rest, _ := strings.Cut(string(key), "/")
	id, name, _ := strings.Cut(rest, "/")
	// What is no id stays zero.
	switch kind + "/" {
	case filePrefix:
		media, _ = veriff.ParseMediaID(id)
	case "session/":
		session, _ = veriff.ParseSessionID(id)
		document = name
	case "attempt/":
		attempt, _ = veriff.ParseAttemptID(id)
	}
	return session, attempt, media, document
}

// Label is sealed beside each object.
type Label struct {
	Session   string    `json:"session,omitempty"` // "" if it is not known
	Attempt   string    `json:"attempt,omitempty"`
	MIMEType  string    `json:"mimetype,omitempty"`
	SHA256    string    `json:"sha256,omitempty"`    // "" for a file whose signature vouches for it, unless it was asked for
	Signature string    `json:"signature,omitempty"` // as received
	Client    string    `json:"client,omitempty"`    // the API key that came with it, as received
	Secret    int       `json:"secret"`              // which of the secrets configured then verified it, -1 for none
	SecretID  string    `json:"secret_id,omitempty"` // its veriff.SecretID; "" for none, and in labels written before 2026-11-27
	Received  time.Time `json:"received"`
	Absent    bool      `json:"absent,omitempty"` // the API's signed word that there is none; without content
}

// NewLabel returns the label of what was received of a session and an attempt,
// which are zero if they are not known.
func NewLabel(session veriff.SessionID, attempt veriff.AttemptID, r veriff.Receipt) Label {
	l := Label{Signature: r.Signature, Client: r.Client, Secret: r.Secret, SecretID: r.SecretID, Received: r.Received}
	if r.SHA256 != [32]byte{} {
		l.SHA256 = hex.EncodeToString(r.SHA256[:])
	}
	if !session.IsZero() {
		l.Session = session.String()
	}
	if !attempt.IsZero() {
		l.Attempt = attempt.String()
	}
	return l
}

// ParseLabel reads a label that Text wrote.
func ParseLabel(text []byte) (l Label, err error) {
	err = json.Unmarshal(text, &l)
	return l, err
}

// FileLabel is the label of a file, with its fingerprint.
type FileLabel struct {
	Label
	Fingerprint [32]byte
	sum         atomic.Pointer[[32]byte]
}

// HashOf is Label.HashOf, which reads the body once.
func (l *FileLabel) HashOf(body io.Reader) ([32]byte, error) {
	if sum := l.sum.Load(); sum != nil {
		return *sum, nil
	}
	sum, err := l.Label.HashOf(body)
	if err == nil {
		l.sum.Store(&sum)
	}
	return sum, err
}

// ReadFileLabel reads the label of a file for [cache.Object.Meaning]: as a *FileLabel.
func ReadFileLabel(text []byte) (any, error) {
	l, err := ParseLabel(text)
	if err != nil {
		return nil, err
	}
	sum, err := l.Fingerprint()
	return &FileLabel{Label: l, Fingerprint: sum}, err
}

// Text is the label as it is sealed.
func (l Label) Text() []byte {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // it has strings, numbers and a time
	}
	return text
}

// Shareable is Label.Shareable of the label that this is the text of.
func Shareable(text []byte) bool {
	l, err := ParseLabel(text)
	return err == nil && l.Shareable()
}

// Shareable reports whether others may have the object: its signature was verified, and
// the session is known by which an erasure finds it.
func (l Label) Shareable() bool {
	session, _ := l.Owners()
	_, err := l.Fingerprint()
	return err == nil && l.SecretID != "" && !session.IsZero()
}

// Fingerprint tells the bytes of the object from any others: it is their SHA-256, or
// else the signature that was verified, a keyed hash.
func (l Label) Fingerprint() (sum [32]byte, err error) {
	if l.SHA256 != "" || l.Secret < 0 {
		return l.Hash()
	}
	return decodeSum(l.Signature)
}

// SameBytes reports whether two objects are known to have the same bytes.
func (l Label) SameBytes(as Label) bool {
	a, err := l.Hash()
	b, otherErr := as.Hash()
	if err == nil && otherErr == nil {
		return a == b
	}
	return l.Secret >= 0 && as.Secret >= 0 && l.Signature != "" && strings.EqualFold(l.Signature, as.Signature)
}

// Hash returns the SHA-256 of the object. An error says that the label has none.
func (l Label) Hash() ([32]byte, error) { return decodeSum(l.SHA256) }

func decodeSum(text string) (sum [32]byte, err error) {
	if len(text) != hex.EncodedLen(len(sum)) {
		return sum, errors.New("store: label without a hash")
	}
	_, err = hex.Decode(sum[:], []byte(text))
	return sum, err
}

// HashOf returns the SHA-256 of the object, whose body it reads if the label has none.
func (l Label) HashOf(body io.Reader) ([32]byte, error) {
	if sum, err := l.Hash(); err == nil {
		return sum, nil
	}
	hash := sha256.New()
	_, err := io.CopyBuffer(hash, body, make([]byte, 256<<10)) // whole chunks of the cache
	return [32]byte(hash.Sum(nil)), err
}

// Owners returns whose the object is; zero is unknown.
func (l Label) Owners() (session veriff.SessionID, attempt veriff.AttemptID) {
	// What is no id stays zero.
	session, _ = veriff.ParseSessionID(l.Session)
	attempt, _ = veriff.ParseAttemptID(l.Attempt)
	return session, attempt
}

// Put stores an object. Failing is the cache's business, which has said why: the
// object is asked for again.
func Put(c *cache.Cache, key cache.Key, body, label []byte) {
	w, err := c.Create(key, int64(len(body)))
	if err != nil {
		return
	}
	if _, err := w.Write(body); err != nil {
		w.Abort()
		return
	}
	if o, err := w.Commit(label); err == nil {
		o.Close()
	}
}

// Get returns an object that has a label, and when it was stored.
func Get(c *cache.Cache, key cache.Key) (body []byte, l Label, stored time.Time, ok bool) {
	o, ok := c.Get(key)
	if !ok {
		return nil, l, stored, false
	}
	defer o.Close()
	l, err := ParseLabel(o.Label())
	if err != nil {
		return nil, l, stored, false
	}
	body, err = io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	return body, l, o.Stored(), err == nil
}
