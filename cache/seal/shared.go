package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/bits"
	"strings"
)

// An object in a store that others share is its file as it is, with a head before it
// and maybe zeros after it. docs/cache-format.md specifies it, with a test vector.
//
//	0   masked: the file's name, and its size
//	24  the file
const (
	// SharedHead is the number of bytes before the file of a shared object.
	SharedHead = len(Name{}) + 8
	// SharedBegin is how much of a shared object [Shared.Open] needs, in bytes.
	SharedBegin = SharedHead + HeaderSize
)

// Shared is what a secret calls objects in a store that others share. Other names
// than the local ones keep whoever sees both a machine's disk and the store from telling
// what the machine has of it.
type Shared struct {
	secret  *Secret
	dir     string
	nameKey []byte
	headKey []byte
}

// Shared derives what is needed for shared objects.
func (s *Secret) Shared() (*Shared, error) {
	h := &Shared{secret: s}
	var dir []byte
	for _, derived := range []struct {
		to   *[]byte
		info string
		size int
	}{
		{&dir, "veriffs shared directory v1", 8},
		{&h.nameKey, "veriffs shared names v1", keySize},
		{&h.headKey, "veriffs shared heads v1", keySize},
	} {
		key, err := hkdf.Key(sha256.New, s.secret, nil, derived.info, derived.size)
		if err != nil {
			return nil, err
		}
		*derived.to = key
	}
	h.dir = hex.EncodeToString(dir)
	return h, nil
}

// SharedOf is Shared for several.
func SharedOf(secrets []*Secret) (all []*Shared, err error) {
	for _, s := range secrets {
		h, err := s.Shared()
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// Dir is the directory of the objects that the secret sealed, relative to where the store
// begins: 16 hexadecimal digits.
func (h *Shared) Dir() string { return h.dir }

// Path is the shared object of a key.
func (h *Shared) Path(k Key) string {
	x := Name(hmacOf(h.nameKey, []byte(k))[:len(Name{})]).String()
	return h.dir + "/" + x[:2] + "/" + x
}

func hmacOf(key, b []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(b)
	return m.Sum(nil)
}

// mask hides, or shows, the head of a file that begins with these bytes: its salt is
// there once.
func (h *Shared) mask(head *[SharedHead]byte, file []byte) {
	subtle.XORBytes(head[:], head[:], hmacOf(h.headKey, file[len(magic):sealedAt]))
}

// Head returns what is before the file of key k that begins with these bytes and has
// this size.
func (h *Shared) Head(k Key, file []byte, size int64) (head [SharedHead]byte) {
	n := h.secret.Name(k)
	binary.BigEndian.PutUint64(head[copy(head[:], n[:]):], uint64(size))
	h.mask(&head, file)
	return head
}

// Reader returns the shared object of key k, whose file this is. With pad there are zeros
// at its end.
func (h *Shared) Reader(k Key, file io.ReaderAt, size int64, pad bool) (*io.SectionReader, error) {
	begins := make([]byte, sealedAt)
	if _, err := file.ReadAt(begins, 0); err != nil {
		return nil, err
	}
	b := &sharedBody{head: h.Head(k, begins, size), file: io.NewSectionReader(file, 0, size)}
	all := int64(SharedHead) + size
	if pad {
		all = Padded(all)
	}
	return io.NewSectionReader(b, 0, all), nil
}

// sharedBody is a shared object with zeros without end.
type sharedBody struct {
	head [SharedHead]byte
	file *io.SectionReader
}

// ReadAt implements [io.ReaderAt].
func (b *sharedBody) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(SharedHead) {
		n = copy(p, b.head[off:])
	}
	if at := off + int64(n) - int64(SharedHead); n < len(p) && at < b.file.Size() {
		m, err := b.file.ReadAt(p[n:min(int64(len(p)), int64(n)+b.file.Size()-at)], at)
		if n += m; at+int64(m) < b.file.Size() && n < len(p) {
			return n, err // it was cut after it was opened
		}
	}
	clear(p[n:])
	return len(p), nil
}

// Open unseals the header of the shared object of this path and size that begins with
// SharedBegin bytes, in place, and returns the size of its file. Whatever is not what
// the secret sealed for that path is ErrSeal.
func (h *Shared) Open(begins []byte, size int64, path string) (*Header, int64, error) {
	if len(begins) != SharedBegin || !strings.HasPrefix(path, h.dir+"/") {
		return nil, 0, ErrSeal // without a look at it: another secret may open it
	}
	head := [SharedHead]byte(begins)
	h.mask(&head, begins[SharedHead:])
	n := Name(head[:len(Name{})])
	file := int64(binary.BigEndian.Uint64(head[len(n):]))
	if file < HeaderSize || file > size-int64(SharedHead) {
		return nil, 0, ErrSeal
	}
	if bare := int64(SharedHead) + file; size != bare && size != Padded(bare) {
		return nil, 0, ErrSeal
	}
	header, err := openHeader(begins[SharedHead:], file, h.secret, n)
	if err != nil || h.Path(header.Key) != path {
		return nil, 0, ErrSeal
	}
	return header, file, nil
}

// Padded is the size that a shared object of n bytes is padded to, so that sizes say
// less: at most 12 % more (Padmé; Nikitin et al., PoPETs 2019).
func Padded(n int64) int64 {
	if n < 2 {
		return n
	}
	exponent := bits.Len64(uint64(n)) - 1
	low := exponent - bits.Len64(uint64(exponent))
	mask := int64(1)<<low - 1
	return (n + mask) &^ mask
}
