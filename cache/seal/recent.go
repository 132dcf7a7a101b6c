package seal

import (
	"bytes"
	"crypto/cipher"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// recentMost bounds the headers that are remembered, of about 1.5 KB each: twice a walk
// over a hundred sessions.
const recentMost = 2048

// Version is what a file's contents have changed with, if they have.
type Version struct {
	Inode   uint64
	Size    int64
	Changed int64 // nanoseconds, of the inode
}

// Recent remembers the headers of files that were opened not long ago, so that they are
// not read and unsealed again while the files stay as they are. A nil *Recent remembers
// nothing.
type Recent struct {
	mu      sync.Mutex
	headers *simplelru.LRU[Name, remembered]
}

type remembered struct {
	Version
	*Header
}

// derived is what is made of a header once.
type derived struct {
	aead    cipher.AEAD
	meaning atomic.Pointer[any]
}

// Meaning returns what read makes of the label; every caller's must make the same of it.
// While the header is remembered it is read once.
func (h *Header) Meaning(read func(label []byte) (any, error)) (any, error) {
	if h.derived == nil {
		return read(h.Label)
	}
	if known := h.derived.meaning.Load(); known != nil {
		return *known, nil
	}
	meaning, err := read(h.Label)
	if err == nil {
		h.derived.meaning.Store(&meaning)
	}
	return meaning, err
}

// NewRecent returns a Recent that remembers nothing yet.
func NewRecent() *Recent {
	headers, err := simplelru.NewLRU[Name, remembered](recentMost, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &Recent{headers: headers}
}

// Header is ReadHeader for a file of which v is known.
func (r *Recent) Header(f io.ReaderAt, v Version, s *Secret, n Name) (*Header, error) {
	if r == nil {
		return ReadHeader(f, v.Size, s, n)
	}
	r.mu.Lock()
	known, ok := r.headers.Get(n)
	r.mu.Unlock()
	if ok && known.Version == v {
		return known.Header, nil
	}
	h, err := ReadHeader(f, v.Size, s, n)
	if err != nil {
		return nil, err
	}
	h.Label = bytes.Clone(h.Label) // which lies in all that was read
	h.derived = new(derived)
	if h.derived.aead, err = newAEAD(h.dataKey[:]); err != nil {
		return nil, err
	}
	clear(h.dataKey[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers.Add(n, remembered{v, h})
	return h, nil
}

// Clear forgets all headers, with their keys.
func (r *Recent) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers.Purge()
}

// Forget forgets the header of the file of a name, with its key.
func (r *Recent) Forget(n Name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers.Remove(n)
}
