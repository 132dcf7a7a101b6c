package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"time"
)

// An object's file, version 1. All integers are big-endian.
//
//	0     magic and version
//	8     salt of the header key
//	40    sealed header: data key, length, time, key, label
//	2048  chunks of 64 KiB, each followed by its tag; the last may be shorter
const (
	magic     = "veriffs\x01"
	saltSize  = 32
	keySize   = 32
	tagSize   = 16
	nonceSize = 12
	sealedAt  = len(magic) + saltSize
	boxSize   = HeaderSize - sealedAt - tagSize
	boxFixed  = keySize + 8 + 8 + 2 + 2
)

const (
	// HeaderSize is the number of bytes of a file before its contents.
	HeaderSize = 2048
	// MaxKey and MaxLabel are the greatest lengths, in bytes, of a key and of a
	// label: what fits into the header.
	MaxKey   = 512
	MaxLabel = boxSize - boxFixed - MaxKey
)

// ErrSeal says that bytes are not what was sealed under this secret, name and
// size.
var ErrSeal = errors.New("does not authenticate")

// Header is what a file says of its object.
type Header struct {
	Length int64     // of the contents, bytes
	Stored time.Time // when it was committed, to the nanosecond
	Key    Key
	Label  []byte

	dataKey [keySize]byte
	derived *derived // of a header that is remembered
}

// seal returns the first HeaderSize bytes of the file of this name. Key and
// label must be within their limits.
func (h *Header) seal(s *Secret, n Name, salt [saltSize]byte) ([]byte, error) {
	aead, err := headerAEAD(s, n, salt[:], h.Length)
	if err != nil {
		return nil, err
	}
	box := make([]byte, 0, boxSize)
	box = append(box, h.dataKey[:]...)
	box = binary.BigEndian.AppendUint64(box, uint64(h.Length))
	box = binary.BigEndian.AppendUint64(box, uint64(h.Stored.UnixNano()))
	box = binary.BigEndian.AppendUint16(box, uint16(len(h.Key)))
	box = binary.BigEndian.AppendUint16(box, uint16(len(h.Label)))
	box = append(box, h.Key...)
	box = append(box, h.Label...)
	box = box[:boxSize] // zeros to the end: a file's size reveals nothing about its label

	out := make([]byte, 0, HeaderSize)
	out = append(out, magic...)
	out = append(out, salt[:]...)
	// The key seals this one message, so the nonce can be constant.
	return aead.Seal(out, make([]byte, nonceSize), box, out), nil
}

// ReadHeader reads the header of the file of this name and size. Any
// difference from what was sealed, in name or size too, is ErrSeal.
func ReadHeader(r io.ReaderAt, size int64, s *Secret, n Name) (*Header, error) {
	b := make([]byte, HeaderSize)
	if got, err := r.ReadAt(b, 0); got < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = ErrSeal
		}
		return nil, err
	}
	return openHeader(b, size, s, n)
}

// openHeader unseals b in place; the label stays in it.
func openHeader(b []byte, size int64, s *Secret, n Name) (*Header, error) {
	length, ok := contentLength(size)
	if !ok || string(b[:len(magic)]) != magic {
		return nil, ErrSeal
	}
	aead, err := headerAEAD(s, n, b[len(magic):sealedAt], length)
	if err != nil {
		return nil, err
	}
	box, err := aead.Open(b[sealedAt:sealedAt], make([]byte, nonceSize), b[sealedAt:], b[:sealedAt])
	if err != nil {
		return nil, ErrSeal
	}
	h := &Header{
		Length: int64(binary.BigEndian.Uint64(box[keySize:])),
		Stored: time.Unix(0, int64(binary.BigEndian.Uint64(box[keySize+8:]))),
	}
	copy(h.dataKey[:], box)
	clear(box[:keySize])
	keyLen := int(binary.BigEndian.Uint16(box[keySize+16:]))
	labelLen := int(binary.BigEndian.Uint16(box[keySize+18:]))
	if h.Length != length || keyLen > MaxKey || labelLen > MaxLabel {
		return nil, ErrSeal
	}
	h.Key = Key(box[boxFixed : boxFixed+keyLen])
	h.Label = box[boxFixed+keyLen:][:labelLen:labelLen]
	if s.Name(h.Key) != n {
		return nil, ErrSeal
	}
	return h, nil
}

// headerAEAD derives the key that seals one header. Name and length are part
// of the derivation: a file under another name or of another size has another key.
func headerAEAD(s *Secret, n Name, salt []byte, length int64) (cipher.AEAD, error) {
	info := make([]byte, 0, 64)
	info = append(info, "veriffs object v1"...)
	info = append(info, n[:]...)
	info = binary.BigEndian.AppendUint64(info, uint64(length))
	k, err := hkdf.Key(sha256.New, s.secret, salt, string(info), keySize)
	if err != nil {
		return nil, err
	}
	return newAEAD(k)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
