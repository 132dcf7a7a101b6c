package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"
)

// Key is what the caller calls an object, for example "media/<uuid>": 1 to
// MaxKey bytes. It never reaches the disk in clear.
type Key string

// Name is an object's file name: the first 16 bytes of the keyed hash of its
// key. Two keys with one name would make each other misses, no worse: the
// sealed header holds the whole key.
type Name [16]byte

func (n Name) String() string { return hex.EncodeToString(n[:]) }

// ParseName undoes String. Other spellings of the same name are refused.
func ParseName(s string) (n Name, ok bool) {
	if len(s) != hex.EncodedLen(len(n)) {
		return n, false
	}
	_, err := hex.Decode(n[:], []byte(s))
	return n, err == nil && n.String() == s
}

// Secret is a configured secret and what is derived from it.
type Secret struct {
	secret  []byte
	nameKey []byte
	macs    sync.Pool // of hash.Hash, with nameKey: to make one costs as much as to use it
	dir     string
}

// NewSecret derives what is needed to seal and to open under the secret b.
func NewSecret(b []byte) (*Secret, error) {
	s := &Secret{secret: bytes.Clone(b)}
	var err error
	if s.nameKey, err = hkdf.Key(sha256.New, s.secret, nil, "veriffs names v1", keySize); err != nil {
		return nil, err
	}
	s.macs.New = func() any { return hmac.New(sha256.New, s.nameKey) }
	dir, err := hkdf.Key(sha256.New, s.secret, nil, "veriffs directory v1", 8)
	if err != nil {
		return nil, err
	}
	s.dir = hex.EncodeToString(dir)
	return s, nil
}

// NewSecrets is NewSecret for several, 1 to 255. One that is given twice counts once.
func NewSecrets(given [][]byte) (secrets []*Secret, err error) {
	if len(given) == 0 || len(given) > 255 {
		return nil, errors.New("between 1 and 255 secrets are needed")
	}
	for _, b := range given {
		if len(b) == 0 {
			return nil, errors.New("an empty secret")
		}
		s, err := NewSecret(b)
		if err != nil {
			return nil, fmt.Errorf("derive keys: %w", err)
		}
		if !slices.ContainsFunc(secrets, func(other *Secret) bool { return other.dir == s.dir }) {
			secrets = append(secrets, s)
		}
	}
	return secrets, nil
}

// Dir is the directory of the objects that the secret sealed, relative to the
// cache's directory: 16 hexadecimal digits.
func (s *Secret) Dir() string { return s.dir }

// Name is the name of the object of this key.
func (s *Secret) Name(k Key) Name {
	m := s.macs.Get().(hash.Hash)
	defer s.macs.Put(m)
	m.Reset()
	io.WriteString(m, string(k))
	var sum [sha256.Size]byte
	return Name(m.Sum(sum[:0])[:len(Name{})])
}

// Path is the file of the object of this name, relative to the cache's directory.
func (s *Secret) Path(n Name) string {
	x := n.String()
	return s.dir + "/" + x[:2] + "/" + x
}

// Shard is the directory of Path(n).
func (s *Secret) Shard(n Name) string {
	return s.dir + "/" + hex.EncodeToString(n[:1])
}
