package veriff

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// ID is a UUID that names one kind of thing, so that the compiler stops a
// media id from being used, or signed, as a session id.
type ID[Kind any] [16]byte

type (
	sessionKind struct{}
	attemptKind struct{}
	mediaKind   struct{}
)

// SessionID names a verification session, AttemptID one attempt within a
// session, MediaID one image, video or NFC file of an attempt.
type (
	SessionID = ID[sessionKind]
	AttemptID = ID[attemptKind]
	MediaID   = ID[mediaKind]
)

// ErrNotUUID is what every failed parse of an id wraps.
var ErrNotUUID = errors.New("not a UUID")

// ParseSessionID, ParseAttemptID and ParseMediaID accept the canonical form
// of a UUID alone, 8-4-4-4-12 hexadecimal digits in either case. They refuse a
// UUID whose first half is [Reserved].
func ParseSessionID(s string) (SessionID, error) { return parseID[sessionKind](s) }

// ParseAttemptID parses the id of an attempt.
func ParseAttemptID(s string) (AttemptID, error) { return parseID[attemptKind](s) }

// ParseMediaID parses the id of an image, video or NFC file.
func ParseMediaID(s string) (MediaID, error) { return parseID[mediaKind](s) }

// canonicalLen is the length of 8-4-4-4-12 digits with their hyphens.
const canonicalLen = 36

func parseID[Kind any](s string) (ID[Kind], error) {
	var id ID[Kind]
	if len(s) != canonicalLen || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, ErrNotUUID
	}
	var digits [32]byte
	n := copy(digits[:], s[:8])
	n += copy(digits[n:], s[9:13])
	n += copy(digits[n:], s[14:18])
	n += copy(digits[n:], s[19:23])
	copy(digits[n:], s[24:])
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return ID[Kind]{}, ErrNotUUID
	}
	if hi, _ := id.Halves(); Reserved(hi) {
		return ID[Kind]{}, fmt.Errorf("reserved value: %w", ErrNotUUID)
	}
	return id, nil
}

// String returns the canonical form in lower case: the form that is used in
// paths, in names and as the message of a request's signature.
func (id ID[Kind]) String() string {
	var b [canonicalLen]byte
	hex.Encode(b[:8], id[:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:], id[10:])
	return string(b[:])
}

// Halves returns the first and the last eight bytes, big-endian, so that the
// first half orders ids as their names are ordered.
func (id ID[Kind]) Halves() (hi, lo uint64) {
	return binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
}

// reservedHalves is how many first halves are reserved, from 0 on.
const reservedHalves = 1 << 8

// Reserved reports whether no id has this first half; no UUID in use does. Whoever
// numbers things by the first half of their ids has these numbers for what has
// no id. They include the inode numbers that FUSE keeps for itself: 0, 1 and
// the one that is all ones.
func Reserved(hi uint64) bool { return hi < reservedHalves || hi == ^uint64(0) }

// Compare orders ids as their canonical names are ordered.
func (id ID[Kind]) Compare(other ID[Kind]) int { return bytes.Compare(id[:], other[:]) }

// IsZero reports whether id is the zero value, which names nothing.
func (id ID[Kind]) IsZero() bool { return id == ID[Kind]{} }
