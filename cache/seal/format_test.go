package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// vector is the example that docs/cache-format.md works through.
var vector = struct {
	secret, key, label string
	stored             int64
	length             int
	random             []byte // what the data key and then the salt are taken from
}{
	secret: "abcdef12-abcd-abcd-abcd-abcdef012345",
	key:    "media/aea9ba6d-1b47-47fc-a4fc-f72b6d3584a7",
	label:  `{"session":"f04bdb47-d3be-4b28-b028-a652feb060b5"}`,
	stored: 1767225600123456789,
	length: ChunkSize + 3,
	random: count(keySize + saltSize),
}

// count is the bytes 0, 1, 2 and so on.
func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// TestFormatVectors makes the documented example with the code that makes
// every object, and compares each value that the document states.
func TestFormatVectors(t *testing.T) {
	s, err := NewSecret([]byte(vector.secret))
	must(t, err)
	file := sealFile(t, s, bytes.NewReader(vector.random), Key(vector.key), count(vector.length), vector.label, time.Unix(0, vector.stored))
	n := s.Name(Key(vector.key))
	headerKey, err := hkdf.Key(sha256.New, []byte(vector.secret), vector.random[keySize:],
		"veriffs object v1"+string(n[:])+"\x00\x00\x00\x00\x00\x01\x00\x03", keySize)
	must(t, err)
	sum := sha256.Sum256(file)
	last := file[len(file)-3-tagSize:]
	shared, err := s.Shared()
	must(t, err)
	head := shared.Head(Key(vector.key), file, int64(len(file)))
	nonce := chunkNonce(1, true)
	want := map[string]string{
		"secret":           vector.secret,
		"key":              vector.key,
		"label":            vector.label,
		"stored":           strconv.FormatInt(vector.stored, 10),
		"length":           strconv.Itoa(vector.length),
		"data key":         hex.EncodeToString(vector.random[:keySize]),
		"salt":             hex.EncodeToString(vector.random[keySize:]),
		"directory":        s.Dir(),
		"name key":         hex.EncodeToString(s.nameKey),
		"file":             s.Path(n),
		"header key":       hex.EncodeToString(headerKey),
		"header tag":       hex.EncodeToString(file[HeaderSize-tagSize : HeaderSize]),
		"nonce 1":          hex.EncodeToString(nonce[:]),
		"chunk 1":          hex.EncodeToString(last),
		"file size":        strconv.Itoa(len(file)),
		"file sha-256":     hex.EncodeToString(sum[:]),
		"shared names key": hex.EncodeToString(shared.nameKey),
		"shared heads key": hex.EncodeToString(shared.headKey),
		"shared file":      shared.Path(Key(vector.key)),
		"shared head":      hex.EncodeToString(head[:]),
		"shared size":      strconv.FormatInt(int64(len(head)+len(file)), 10),
		"padded size":      strconv.FormatInt(Padded(int64(len(head)+len(file))), 10),
		"header's head":    hex.EncodeToString(file[:sealedAt]),
	}
	doc, err := os.ReadFile("../../docs/cache-format.md")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| ([a-z0-9' -]+) \\| `(.*)` \\|$").FindAllStringSubmatch(string(doc), -1) {
		got[m[1]] = m[2]
	}
	for what, v := range want {
		if got[what] != v {
			t.Errorf("the document has %q for %s, the code makes\n| %s | `%s` |", got[what], what, what, v)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// content is n bytes that depend on seed and do not compress.
func content(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// TestLengths checks that size and length map onto each other, and that sizes
// which no object has are refused.
func TestLengths(t *testing.T) {
	valid := map[int64]bool{}
	for length := int64(0); length < 2*ChunkSize+5; length++ {
		size := FileSize(length)
		if back, ok := contentLength(size); !ok || back != length {
			t.Fatalf("length %d, size %d, back %d %v", length, size, back, ok)
		}
		valid[size] = true
	}
	for size := int64(0); size < FileSize(2*ChunkSize+4); size++ {
		if _, ok := contentLength(size); ok != valid[size] {
			t.Fatalf("size %d: ok %v", size, ok)
		}
	}
}

// sealFile makes the whole file of an object.
func sealFile(t testing.TB, s *Secret, random io.Reader, k Key, contents []byte, label string, stored time.Time) []byte {
	t.Helper()
	file := make([]byte, FileSize(int64(len(contents))))
	w, err := NewWriter(random, func(b *Batch) {
		copy(file[b.Offset():], b.Bytes())
		b.Release()
	})
	must(t, err)
	defer w.Close()
	w.Write(contents)
	_, err = w.Finish(s, k, []byte(label), stored)
	must(t, err)
	return file
}

// sealedFile is one object's file with what is needed to damage it.
type sealedFile struct {
	secret *Secret
	key    Key
	bytes  []byte // of the undamaged file
	want   []byte // contents
}

func newSealedFile(t testing.TB, seed byte, size int) *sealedFile {
	t.Helper()
	s, err := NewSecret([]byte("a secret"))
	must(t, err)
	f := &sealedFile{secret: s, key: "k", want: content(7, size)}
	f.bytes = sealFile(t, s, rand.NewChaCha8([32]byte{seed}), f.key, f.want, "label", time.Unix(1, 0))
	return f
}

// unseal reads file bytes b the way a cache does.
func (f *sealedFile) unseal(b []byte) ([]byte, error) {
	src := bytes.NewReader(b)
	h, err := ReadHeader(src, int64(len(b)), f.secret, f.secret.Name(f.key))
	if err != nil {
		return nil, err
	}
	c, err := h.Contents(src)
	if err != nil {
		return nil, err
	}
	if err := c.Verify(); err != nil {
		return nil, err
	}
	out := make([]byte, h.Length)
	if h.Length == 0 {
		return out, nil
	}
	_, err = c.ReadAt(out, 0)
	return out, err
}

func (f *sealedFile) wantRefused(t *testing.T, what string, b []byte) {
	t.Helper()
	if out, err := f.unseal(b); !errors.Is(err, ErrSeal) {
		t.Fatalf("%s: error %v, the right contents: %v", what, err, bytes.Equal(out, f.want))
	}
}

// TestEveryBitFlip flips each bit of a small object's file in turn.
func TestEveryBitFlip(t *testing.T) {
	f := newSealedFile(t, 1, 200)
	if out, err := f.unseal(f.bytes); err != nil || !bytes.Equal(out, f.want) {
		t.Fatalf("undamaged: %v", err)
	}
	for i := range f.bytes {
		for bit := range 8 {
			f.bytes[i] ^= 1 << bit
			f.wantRefused(t, "byte "+strconv.Itoa(i)+" bit "+strconv.Itoa(bit), f.bytes)
			f.bytes[i] ^= 1 << bit
		}
	}
}

// TestEveryTruncation cuts and extends a small object's file to every length,
// and one of several chunks to every length around each border.
func TestEveryTruncation(t *testing.T) {
	f := newSealedFile(t, 1, 3000)
	longer := append(bytes.Clone(f.bytes), make([]byte, 3000)...)
	for n := range len(longer) {
		if n != len(f.bytes) {
			f.wantRefused(t, "length "+strconv.Itoa(n), longer[:n])
		}
	}
	f = newSealedFile(t, 1, 3*ChunkSize)
	for chunk := range 5 {
		for d := -20; d <= 20; d++ {
			n := HeaderSize + chunk*SealedChunk + d
			if n < len(f.bytes) {
				f.wantRefused(t, "length "+strconv.Itoa(n), f.bytes[:n])
			}
		}
	}
}

// TestEveryChunkSwap puts every chunk in every other's place, within an object
// and from another object of the same size.
func TestEveryChunkSwap(t *testing.T) {
	const chunks = 4
	f, other := newSealedFile(t, 1, chunks*ChunkSize), newSealedFile(t, 2, chunks*ChunkSize)
	at := func(b []byte, i int) []byte { return b[HeaderSize+i*SealedChunk:][:SealedChunk] }
	for i := range chunks {
		for j := range chunks {
			b := bytes.Clone(f.bytes)
			copy(at(b, i), at(other.bytes, j))
			f.wantRefused(t, "foreign chunk", b)
			if i == j {
				continue
			}
			copy(at(b, i), at(f.bytes, j))
			f.wantRefused(t, "duplicated chunk", b)
			copy(at(b, j), at(f.bytes, i))
			f.wantRefused(t, "swapped chunks", b)
		}
	}
	// The whole body of another object below this header, and the other way round.
	b := append(bytes.Clone(f.bytes[:HeaderSize]), other.bytes[HeaderSize:]...)
	f.wantRefused(t, "foreign body", b)
	b = append(bytes.Clone(other.bytes[:HeaderSize]), f.bytes[HeaderSize:]...)
	f.wantRefused(t, "foreign header", b)
}

// FuzzFile reads files of arbitrary bytes: no panic, and never contents that were
// not sealed.
func FuzzFile(f *testing.F) {
	sf := newSealedFile(f, 1, 100)
	good := sf.bytes
	f.Add(good)
	f.Add(good[:HeaderSize])
	f.Add([]byte(magic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := sf.unseal(b)
		if bytes.Equal(b, good) != (err == nil) {
			t.Fatalf("error %v", err)
		}
		if err == nil && !bytes.Equal(out, sf.want) {
			t.Fatal("wrong contents")
		}
	})
}

// FuzzHeaderPlaintext seals arbitrary header contents, as a holder of the
// secret could, and opens them: a bad one is refused, without a panic.
func FuzzHeaderPlaintext(f *testing.F) {
	s, err := NewSecret([]byte("a secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(make([]byte, boxSize))
	f.Add(bytes.Repeat([]byte{0xff}, boxSize))
	wrongLength := make([]byte, boxSize)
	wrongLength[keySize+7], wrongLength[boxFixed-3], wrongLength[boxFixed] = 1, 1, 'k'
	f.Add(wrongLength)
	f.Fuzz(func(t *testing.T, box []byte) {
		if len(box) != boxSize {
			return
		}
		n := s.Name("k")
		head := append([]byte(magic), make([]byte, saltSize)...)
		aead, err := headerAEAD(s, n, head[len(magic):], 0)
		if err != nil {
			t.Fatal(err)
		}
		head = aead.Seal(head, make([]byte, nonceSize), box, head)
		if h, err := openHeader(bytes.Clone(head), HeaderSize, s, n); err == nil && (h.Key != "k" || h.Length != 0 || len(h.Label) > MaxLabel) {
			t.Fatalf("%+v", h)
		}
	})
}

// TestPadded: sizes become fewer, and at most 12 % larger, as the article says.
func TestPadded(t *testing.T) {
	for n, want := range map[int64]int64{0: 0, 1: 1, 2: 2, 9: 10, 1000: 1024, 10_000: 10_240, 1_000_001: 1_015_808} {
		if got := Padded(n); got != want {
			t.Errorf("%d is padded to %d, want %d", n, got, want)
		}
	}
	sizes := map[int64]bool{}
	for n := int64(1); n < 1<<20; n++ {
		p := Padded(n)
		if p < n || float64(p-n) > 0.12*float64(n) || Padded(p) != p {
			t.Fatalf("%d is padded to %d", n, p)
		}
		sizes[p] = true
	}
	if len(sizes) > 600 {
		t.Errorf("%d sizes are left", len(sizes))
	}
}

// FuzzShared opens shared objects of arbitrary bytes: no panic, and only the one that
// was sealed opens.
func FuzzShared(f *testing.F) {
	sf := newSealedFile(f, 1, 100)
	shared, err := sf.secret.Shared()
	must(f, err)
	head := shared.Head(sf.key, sf.bytes, int64(len(sf.bytes)))
	good := append(head[:], sf.bytes...)
	f.Add(good)
	f.Add(good[:SharedBegin])
	f.Add(make([]byte, SharedBegin))
	f.Fuzz(func(t *testing.T, b []byte) {
		begins := bytes.Clone(b[:min(len(b), SharedBegin)])
		h, size, err := shared.Open(begins, int64(len(b)), shared.Path(sf.key))
		same := len(b) == len(good) && bytes.Equal(b[:SharedBegin], good[:SharedBegin])
		if padded := int64(len(b)) == Padded(int64(len(good))) && bytes.HasPrefix(b, good[:SharedBegin]); padded {
			same = true
		}
		if same != (err == nil) {
			t.Fatalf("error %v", err)
		}
		if err == nil && (h.Key != sf.key || size != int64(len(sf.bytes))) {
			t.Fatalf("%+v, %d", h, size)
		}
	})
}
