package cache

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Key is what the caller calls an object, for example "media/<uuid>": 1 to
// MaxKey bytes. It never reaches the disk in clear.
type Key string

// name is an object's file name: the first 16 bytes of the keyed hash of its
// key. Two keys that collide would make each other misses, no worse: the sealed
// header holds the whole key.
type name [16]byte

func (n name) String() string { return hex.EncodeToString(n[:]) }

func parseName(s string) (n name, ok bool) {
	if len(s) != hex.EncodedLen(len(n)) {
		return n, false
	}
	_, err := hex.Decode(n[:], []byte(s))
	return n, err == nil && n.String() == s
}

// secret is one configured secret and what is derived from it.
type secret struct {
	secret  []byte
	nameKey []byte
	dir     string // the directory of the objects that it seals, relative to the cache's
}

func newSecret(b []byte) (*secret, error) {
	s := &secret{secret: bytes.Clone(b)}
	var err error
	if s.nameKey, err = hkdf.Key(sha256.New, s.secret, nil, "veriffs names v1", keySize); err != nil {
		return nil, err
	}
	dir, err := hkdf.Key(sha256.New, s.secret, nil, "veriffs directory v1", 8)
	if err != nil {
		return nil, err
	}
	s.dir = hex.EncodeToString(dir)
	return s, nil
}

func (s *secret) name(k Key) name {
	m := hmac.New(sha256.New, s.nameKey)
	m.Write([]byte(k))
	var sum [sha256.Size]byte
	return name(m.Sum(sum[:0])[:len(name{})])
}

// path is the file of the object of this name, relative to the cache's directory.
func (s *secret) path(n name) string {
	x := n.String()
	return s.dir + "/" + x[:2] + "/" + x
}

// shard is the directory of path(n).
func (s *secret) shard(n name) string {
	return s.dir + "/" + hex.EncodeToString(n[:1])
}
