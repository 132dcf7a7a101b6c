package note

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"veriffs/cache/seal"
)

// newSealer returns a sealer with secrets.
func newSealer(t testing.TB, secrets ...string) *Sealer {
	t.Helper()
	var given [][]byte
	for _, s := range secrets {
		given = append(given, []byte(s))
	}
	all, err := seal.NewSecrets(given)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := seal.SharedOf(all)
	if err != nil {
		t.Fatal(err)
	}
	return New(all, shared, rand.Reader, time.Now)
}

func sealed(t testing.TB, s *Sealer, k seal.Key, text string) (name string, b []byte) {
	t.Helper()
	b, err := s.Seal(k, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Names(k)[0], b
}

// TestNotes: a note opens under its name with any of the secrets, and all have one size.
func TestNotes(t *testing.T) {
	old, both := newSealer(t, "old"), newSealer(t, "new", "old")
	for _, text := range []string{"", "x", strings.Repeat("é", MaxText/2)} {
		name, b := sealed(t, old, "a key", text)
		if int64(len(b)) != Size || bytes.Contains(b, []byte("a key")) {
			t.Errorf("%d bytes", len(b))
		}
		n, err := both.Open(name, b)
		if err != nil || n.Key != "a key" || string(n.Text) != text || time.Since(n.Stored) > time.Minute {
			t.Errorf("%.20q: %+v, %v", text, n, err)
		}
		if got := both.Names("a key"); got[1] != name || got[0] == name {
			t.Errorf("names %q, and it is %s", got, name)
		}
		if _, err := newSealer(t, "another").Open(name, b); !errors.Is(err, seal.ErrSeal) {
			t.Errorf("another secret: %v", err)
		}
		if _, err := both.Open(both.Names("another key")[1], b); !errors.Is(err, seal.ErrSeal) {
			t.Errorf("another name: %v", err)
		}
	}
	for _, text := range []string{strings.Repeat("x", MaxText+1), "x\x00"} {
		if _, err := old.Seal("k", []byte(text)); !errors.Is(err, ErrText) {
			t.Errorf("a text of %d bytes: %v", len(text), err)
		}
	}
}

// TestAlteredNotes: a note with any bit changed, cut or extended does not open.
func TestAlteredNotes(t *testing.T) {
	s := newSealer(t, "secret")
	name, good := sealed(t, s, "key", "text")
	for i := 0; i < len(good); i += 7 {
		b := bytes.Clone(good)
		b[i] ^= 1
		if n, err := s.Open(name, b); !errors.Is(err, seal.ErrSeal) {
			t.Fatalf("byte %d: %+v, %v", i, n, err)
		}
	}
	for _, b := range [][]byte{nil, good[:len(good)-1], append(bytes.Clone(good), 0)} {
		if _, err := s.Open(name, b); !errors.Is(err, seal.ErrSeal) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
	for _, name := range []string{"", "a", "../" + name, strings.ToUpper(name)} {
		if _, err := s.Open(name, good); !errors.Is(err, seal.ErrSeal) {
			t.Errorf("under the name %q: %v", name, err)
		}
	}
}

// TestFormatVector: the note of docs/cache-format.md.
func TestFormatVector(t *testing.T) {
	s := newSealer(t, "abcdef12-abcd-abcd-abcd-abcdef012345")
	random := make([]byte, 64)
	for i := range random {
		random[i] = byte(i)
	}
	s.random, s.now = bytes.NewReader(random), func() time.Time { return time.Unix(0, 1767225600123456789) }
	const key, text = "hold/f04bdb47-d3be-4b28-b028-a652feb060b5/A", `{"version":1}`
	name, b := sealed(t, s, key, text)
	doc, err := os.ReadFile("../../docs/cache-format.md")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	for _, row := range [][2]string{
		{"note's key", key}, {"note's text", text}, {"note", "holds/" + name}, {"note's size", strconv.Itoa(len(b))},
		{"note's head", hex.EncodeToString(b[:seal.SharedHead])}, {"note's sha-256", hex.EncodeToString(sum[:])},
	} {
		if line := fmt.Sprintf("| %s | `%s` |\n", row[0], row[1]); !strings.Contains(string(doc), line) {
			t.Errorf("the document lacks\n%s", line)
		}
	}
}

// FuzzOpen opens arbitrary bytes: no panic, and only what was sealed opens.
func FuzzOpen(f *testing.F) {
	s := newSealer(f, "secret")
	name, good := sealed(f, s, "key", "text")
	f.Add(name, good)
	f.Add("ab", make([]byte, Size))
	f.Fuzz(func(t *testing.T, under string, b []byte) {
		if _, err := s.Open(under, b); (err == nil) != (under == name && bytes.Equal(b, good)) {
			t.Fatal(err)
		}
	})
}
