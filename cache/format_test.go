package cache

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
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
	length: chunkSize + 3,
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
	o := testOptions(t)
	o.Secrets = [][]byte{[]byte(vector.secret)}
	o.Now = func() time.Time { return time.Unix(0, vector.stored) }
	c := open(t, o)
	c.rand = bytes.NewReader(vector.random)
	w, err := c.Create(Key(vector.key), -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(count(vector.length)); err != nil {
		t.Fatal(err)
	}
	obj, err := w.Commit([]byte(vector.label))
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	s := c.secrets[0]
	n := s.name(Key(vector.key))
	file, err := os.ReadFile(filepath.Join(o.Dir, s.path(n)))
	if err != nil {
		t.Fatal(err)
	}
	headerKey, err := hkdf.Key(sha256.New, []byte(vector.secret), vector.random[keySize:],
		"veriffs object v1"+string(n[:])+"\x00\x00\x00\x00\x00\x01\x00\x03", keySize)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	last := file[len(file)-3-tagSize:]
	nonce := chunkNonce(1, true)
	want := map[string]string{
		"secret":        vector.secret,
		"key":           vector.key,
		"label":         vector.label,
		"stored":        strconv.FormatInt(vector.stored, 10),
		"length":        strconv.Itoa(vector.length),
		"data key":      hex.EncodeToString(vector.random[:keySize]),
		"salt":          hex.EncodeToString(vector.random[keySize:]),
		"directory":     s.dir,
		"name key":      hex.EncodeToString(s.nameKey),
		"file":          s.path(n),
		"header key":    hex.EncodeToString(headerKey),
		"header tag":    hex.EncodeToString(file[headerSize-tagSize : headerSize]),
		"nonce 1":       hex.EncodeToString(nonce[:]),
		"chunk 1":       hex.EncodeToString(last),
		"file size":     strconv.Itoa(len(file)),
		"file sha-256":  hex.EncodeToString(sum[:]),
		"header's head": hex.EncodeToString(file[:sealedAt]),
	}
	doc, err := os.ReadFile("../docs/cache-format.md")
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

// TestLengths checks that size and length map onto each other, and that sizes
// which no object has are refused.
func TestLengths(t *testing.T) {
	valid := map[int64]bool{}
	for length := int64(0); length < 2*chunkSize+5; length++ {
		size := fileSize(length)
		if back, ok := contentLength(size); !ok || back != length {
			t.Fatalf("length %d, size %d, back %d %v", length, size, back, ok)
		}
		valid[size] = true
	}
	for size := int64(0); size < fileSize(2*chunkSize+4); size++ {
		if _, ok := contentLength(size); ok != valid[size] {
			t.Fatalf("size %d: ok %v", size, ok)
		}
	}
}

// sealedFile is one object's file with what is needed to damage it.
type sealedFile struct {
	c     *Cache
	key   Key
	path  string
	bytes []byte // of the undamaged file
	want  []byte // contents
}

func newSealedFile(t *testing.T, size int) *sealedFile {
	o := testOptions(t)
	c := open(t, o)
	f := &sealedFile{c: c, key: "k", want: content(7, size)}
	put(t, c, f.key, f.want)
	f.path = filepath.Join(o.Dir, c.secrets[0].path(c.secrets[0].name(f.key)))
	var err error
	if f.bytes, err = os.ReadFile(f.path); err != nil {
		t.Fatal(err)
	}
	return f
}

// unseal reads file bytes b the way Get and ReadAt do, without a disk.
func (f *sealedFile) unseal(b []byte) ([]byte, error) {
	s := f.c.secrets[0]
	h, err := readHeader(bytes.NewReader(b), s, s.name(f.key), int64(len(b)))
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(h.dataKey[:])
	if err != nil {
		return nil, err
	}
	o := &Object{src: memory(b), aead: aead, length: h.length}
	out := make([]byte, h.length)
	if h.length == 0 {
		return out, nil
	}
	_, err = o.ReadAt(out, 0)
	return out, err
}

// memory is a backing of fixed bytes.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error)  { return bytes.NewReader(m).ReadAt(p, off) }
func (m memory) WriteAt(p []byte, off int64) (int, error) { return copy(m[off:], p), nil }
func (m memory) Close() error                             { return nil }

func (f *sealedFile) wantRefused(t *testing.T, what string, b []byte) {
	t.Helper()
	if out, err := f.unseal(b); !errors.Is(err, errSeal) {
		t.Fatalf("%s: error %v, the right contents: %v", what, err, bytes.Equal(out, f.want))
	}
}

// TestEveryBitFlip flips each bit of a small object's file in turn.
func TestEveryBitFlip(t *testing.T) {
	f := newSealedFile(t, 200)
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
	f := newSealedFile(t, 3000)
	longer := append(bytes.Clone(f.bytes), make([]byte, 3000)...)
	for n := range len(longer) {
		if n != len(f.bytes) {
			f.wantRefused(t, "length "+strconv.Itoa(n), longer[:n])
		}
	}
	f = newSealedFile(t, 3*chunkSize)
	for chunk := range 5 {
		for d := -20; d <= 20; d++ {
			n := headerSize + chunk*sealedChunk + d
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
	f, other := newSealedFile(t, chunks*chunkSize), newSealedFile(t, chunks*chunkSize)
	at := func(b []byte, i int) []byte { return b[headerSize+i*sealedChunk:][:sealedChunk] }
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
	b := append(bytes.Clone(f.bytes[:headerSize]), other.bytes[headerSize:]...)
	f.wantRefused(t, "foreign body", b)
	b = append(bytes.Clone(other.bytes[:headerSize]), f.bytes[headerSize:]...)
	f.wantRefused(t, "foreign header", b)
}

// TestDamageIsAMiss damages files on disk: each is a miss or ErrDamaged, is
// deleted, is counted once, and can be stored again.
func TestDamageIsAMiss(t *testing.T) {
	const size = 3*chunkSize + 100
	damages := map[string]func(b []byte) []byte{
		"empty":        func(b []byte) []byte { return nil },
		"header cut":   func(b []byte) []byte { return b[:headerSize/2] },
		"body cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"extended":     func(b []byte) []byte { return append(b, 0) },
		"salt":         func(b []byte) []byte { b[10] ^= 1; return b },
		"version":      func(b []byte) []byte { b[7]++; return b },
		"first chunk":  func(b []byte) []byte { b[headerSize] ^= 1; return b },
		"last tag":     func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"zeroed chunk": func(b []byte) []byte { clear(b[headerSize+sealedChunk:][:sealedChunk]); return b },
	}
	for what, damage := range damages {
		t.Run(what, func(t *testing.T) {
			f := newSealedFile(t, size)
			if err := os.WriteFile(f.path, damage(bytes.Clone(f.bytes)), 0o600); err != nil {
				t.Fatal(err)
			}
			if o, ok := f.c.Get(f.key); ok {
				second, _ := f.c.Get(f.key) // two readers notice, one counts
				_, err := o.ReadAt(make([]byte, size), 0)
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("read: %v", err)
				}
				if err := second.Verify(); !errors.Is(err, ErrDamaged) {
					t.Fatalf("verify: %v", err)
				}
				o.Close()
				second.Close()
			}
			wantMiss(t, f.c, f.key)
			if _, err := os.Lstat(f.path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the file is still there: %v", err)
			}
			if s := f.c.Stats(); s.Damaged != 1 || s.Objects != 0 || s.Open != 0 {
				t.Errorf("%+v", s)
			}
			put(t, f.c, f.key, f.want)
			wantHit(t, f.c, f.key, f.want)
		})
	}
}

// TestMovedObject copies a good file over another object's name.
func TestMovedObject(t *testing.T) {
	f := newSealedFile(t, 5000)
	put(t, f.c, "other", content(8, 5000))
	other := filepath.Join(f.c.opts.Dir, f.c.secrets[0].path(f.c.secrets[0].name("other")))
	if err := os.WriteFile(other, f.bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	wantMiss(t, f.c, "other")
	wantHit(t, f.c, f.key, f.want)
}

// FuzzFile hands arbitrary file bytes to what reads them: no panic, and never
// contents that were not sealed.
func FuzzFile(f *testing.F) {
	s, err := newSecret([]byte("a secret"))
	if err != nil {
		f.Fatal(err)
	}
	const key = Key("k")
	n := s.name(key)
	h := &header{length: 100, stored: time.Unix(1, 0), key: key, label: []byte("l")}
	head, err := sealHeader(h, s, n, [saltSize]byte{1})
	if err != nil {
		f.Fatal(err)
	}
	aead, err := newAEAD(h.dataKey[:])
	if err != nil {
		f.Fatal(err)
	}
	want := content(1, 100)
	nonce := chunkNonce(0, true)
	good := aead.Seal(head, nonce[:], want, nil)
	f.Add(good)
	f.Add(good[:headerSize])
	f.Add([]byte(magic))
	f.Add([]byte{})
	sf := &sealedFile{c: &Cache{secrets: []*secret{s}}, key: key}
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := sf.unseal(b)
		if bytes.Equal(b, good) != (err == nil) {
			t.Fatalf("error %v", err)
		}
		if err == nil && !bytes.Equal(out, want) {
			t.Fatal("wrong contents")
		}
	})
}

// FuzzHeaderPlaintext seals arbitrary header contents, as a holder of the
// secret could, and opens them: a bad one is refused, without a panic.
func FuzzHeaderPlaintext(f *testing.F) {
	s, err := newSecret([]byte("a secret"))
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
		n := s.name("k")
		head := append([]byte(magic), make([]byte, saltSize)...)
		aead, err := headerAEAD(s, n, head[len(magic):], 0)
		if err != nil {
			t.Fatal(err)
		}
		head = aead.Seal(head, make([]byte, nonceSize), box, head)
		if h, err := openHeader(head, s, n, headerSize); err == nil && (h.key != "k" || h.length != 0 || len(h.label) > MaxLabel) {
			t.Fatalf("%+v", h)
		}
	})
}
