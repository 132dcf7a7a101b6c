package cache

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"
)

// The format of an object's file, version 1; docs/cache-format.md is its
// specification. All integers are big-endian.
//
//	0     magic and version
//	8     salt of the header key
//	40    sealed header: data key, length, time, key, label
//	2048  chunks of 64 KiB, each followed by its tag; the last may be shorter
const (
	magic       = "veriffs\x01"
	saltSize    = 32
	keySize     = 32
	tagSize     = 16
	nonceSize   = 12
	headerSize  = 2048
	sealedAt    = len(magic) + saltSize
	boxSize     = headerSize - sealedAt - tagSize
	boxFixed    = keySize + 8 + 8 + 2 + 2
	chunkSize   = 64 << 10
	sealedChunk = chunkSize + tagSize
)

// MaxKey and MaxLabel are the greatest lengths, in bytes, of a key and of a
// label: what fits into the header.
const (
	MaxKey   = 512
	MaxLabel = boxSize - boxFixed - MaxKey
)

// errSeal says that bytes on disk are not what was sealed under this secret,
// name and length.
var errSeal = errors.New("does not authenticate")

// header is what the sealed part of a file's first 2048 bytes holds.
type header struct {
	dataKey [keySize]byte
	length  int64     // of the contents, bytes
	stored  time.Time // when it was committed, to the nanosecond
	key     Key
	label   []byte
}

// sealHeader returns the first headerSize bytes of the file of this name.
// Key and label must be within their limits.
func sealHeader(h *header, s *secret, n name, salt [saltSize]byte) ([]byte, error) {
	aead, err := headerAEAD(s, n, salt[:], h.length)
	if err != nil {
		return nil, err
	}
	box := make([]byte, 0, boxSize)
	box = append(box, h.dataKey[:]...)
	box = binary.BigEndian.AppendUint64(box, uint64(h.length))
	box = binary.BigEndian.AppendUint64(box, uint64(h.stored.UnixNano()))
	box = binary.BigEndian.AppendUint16(box, uint16(len(h.key)))
	box = binary.BigEndian.AppendUint16(box, uint16(len(h.label)))
	box = append(box, h.key...)
	box = append(box, h.label...)
	box = box[:boxSize] // zeros to the end: a file's size says nothing about its label

	out := make([]byte, 0, headerSize)
	out = append(out, magic...)
	out = append(out, salt[:]...)
	// The key is used for this one message, so the nonce can be constant.
	return aead.Seal(out, make([]byte, nonceSize), box, out), nil
}

// openHeader undoes sealHeader for a file of this name and size. Any
// difference from what was sealed, the name and the size included, is errSeal.
func openHeader(b []byte, s *secret, n name, fileSize int64) (*header, error) {
	length, ok := contentLength(fileSize)
	if !ok || len(b) != headerSize || string(b[:len(magic)]) != magic {
		return nil, errSeal
	}
	aead, err := headerAEAD(s, n, b[len(magic):sealedAt], length)
	if err != nil {
		return nil, err
	}
	box, err := aead.Open(make([]byte, 0, boxSize), make([]byte, nonceSize), b[sealedAt:], b[:sealedAt])
	if err != nil {
		return nil, errSeal
	}
	h := &header{
		length: int64(binary.BigEndian.Uint64(box[keySize:])),
		stored: time.Unix(0, int64(binary.BigEndian.Uint64(box[keySize+8:]))),
	}
	copy(h.dataKey[:], box)
	keyLen := int(binary.BigEndian.Uint16(box[keySize+16:]))
	labelLen := int(binary.BigEndian.Uint16(box[keySize+18:]))
	if h.length != length || keyLen > MaxKey || labelLen > MaxLabel {
		return nil, errSeal
	}
	h.key = Key(box[boxFixed : boxFixed+keyLen])
	h.label = box[boxFixed+keyLen:][:labelLen:labelLen]
	if s.name(h.key) != n {
		return nil, errSeal
	}
	return h, nil
}

// headerAEAD derives the key that seals one header. The name, which is a keyed
// hash of the object's key, and the length are part of the derivation: a file
// under another name or of another size has another key.
func headerAEAD(s *secret, n name, salt []byte, length int64) (cipher.AEAD, error) {
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

// chunkNonce is the nonce of chunk i: its number and whether it is the last,
// so that no chunk can stand in for another nor the file end early (the STREAM
// construction, as in age). A data key seals one object only.
func chunkNonce(i int64, last bool) [nonceSize]byte {
	var n [nonceSize]byte
	binary.BigEndian.PutUint64(n[3:], uint64(i))
	if last {
		n[11] = 1
	}
	return n
}

// chunkCount is the number of chunks of an object of this many bytes.
func chunkCount(length int64) int64 {
	if length == 0 {
		return 0
	}
	return (length-1)/chunkSize + 1
}

// fileSize is the size of the file that holds an object of this many bytes.
func fileSize(length int64) int64 {
	return headerSize + length + chunkCount(length)*tagSize
}

// contentLength undoes fileSize; ok is false if no object makes such a file.
func contentLength(size int64) (length int64, ok bool) {
	body := size - headerSize
	if body < 0 {
		return 0, false
	}
	whole, rest := body/sealedChunk, body%sealedChunk
	if rest == 0 {
		return whole * chunkSize, true
	}
	return whole*chunkSize + rest - tagSize, rest > tagSize
}
