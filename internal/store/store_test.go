package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

func open(t *testing.T) *cache.Cache { return openIn(t, filepath.Join(t.TempDir(), "cache")) }

func openIn(t *testing.T, dir string) *cache.Cache {
	t.Helper()
	c, err := cache.Open(cache.Options{Dir: dir, Limit: 1 << 30, Secrets: [][]byte{[]byte("secret")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// What was stored with a label comes back, and says whose it is.
func TestPutAndGet(t *testing.T) {
	c := open(t)
	session, attempt := veriff.SessionID{1, 2, 3, 4, 5, 6, 7, 8}, veriff.AttemptID{8, 7, 6, 5, 4, 3, 2, 1}
	receipt := veriff.Receipt{SHA256: [32]byte{1, 2}, Signature: "ab", Secret: 1, Received: time.Unix(1_790_000_000, 0).UTC()}
	for name, want := range map[string]store.Label{
		"of both":    store.NewLabel(session, attempt, receipt),
		"of neither": store.NewLabel(veriff.SessionID{}, veriff.AttemptID{}, receipt),
	} {
		t.Run(name, func(t *testing.T) {
			key := store.AttemptList(attempt)
			store.Put(c, key, []byte("body"), want.Text())
			body, got, stored, ok := store.Get(c, key)
			if !ok || !bytes.Equal(body, []byte("body")) || got != want || stored.IsZero() {
				t.Errorf("%q, %+v, stored %v, %v; want %+v", body, got, stored, ok, want)
			}
			s, a := got.Owners()
			if s.IsZero() != (want.Session == "") || a.IsZero() != (want.Attempt == "") || !s.IsZero() && (s != session || a != attempt) {
				t.Errorf("it is of session %v, attempt %v", s, a)
			}
			if sum, err := got.Hash(); err != nil || sum != receipt.SHA256 {
				t.Errorf("hash %x, %v", sum, err)
			}
		})
	}
}

func TestFileOf(t *testing.T) {
	id := veriff.MediaID{1, 2, 3, 4, 5, 6, 7, 8}
	if got, ok := store.FileOf(store.File(id)); !ok || got != id {
		t.Errorf("%v, %v", got, ok)
	}
	for _, key := range []cache.Key{store.CatalogKey, store.Document(listing.DocumentID{Session: veriff.SessionID{1, 2, 3}, Kind: listing.MediaDocument}), "media/x", "media/"} {
		if id, ok := store.FileOf(key); ok {
			t.Errorf("%s is taken for the file %v", key, id)
		}
	}
}

// What tells the bytes of an object from others is their hash, or else the signature that
// was verified; and the hash can be had without the label.
func TestFingerprint(t *testing.T) {
	signature, sum := strings.Repeat("ab", 32), sha256.Sum256([]byte("body"))
	var signed [32]byte
	if _, err := hex.Decode(signed[:], []byte(signature)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		receipt veriff.Receipt
		want    [32]byte // zero: none
	}{
		"signed":              {veriff.Receipt{Signature: signature, Secret: 0}, signed},
		"signed and hashed":   {veriff.Receipt{Signature: signature, Secret: 1, SHA256: sum}, sum},
		"not verified":        {veriff.Receipt{Signature: signature, Secret: -1, SHA256: sum}, sum},
		"unsigned":            {veriff.Receipt{Secret: -1, SHA256: sum}, sum},
		"a strange signature": {veriff.Receipt{Signature: "ab", Secret: 0}, [32]byte{}},
		"neither":             {veriff.Receipt{Signature: signature, Secret: -1}, [32]byte{}},
	} {
		l, err := store.ParseLabel(store.NewLabel(veriff.SessionID{}, veriff.AttemptID{}, c.receipt).Text())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.Fingerprint(); (err != nil) != (c.want == [32]byte{}) || err == nil && got != c.want {
			t.Errorf("%s: %x, %v", name, got, err)
		}
		if got, err := l.HashOf(strings.NewReader("body")); err != nil || got != sum {
			t.Errorf("%s: the hash is %x, %v", name, got, err)
		}
	}
}

// Objects have the same bytes if their hashes say so, or else what was verified does.
func TestSameBytes(t *testing.T) {
	sum, other := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b"))
	signed := veriff.Receipt{Signature: strings.Repeat("ab", 32), SecretID: "s"}
	hashed, renewed := signed, veriff.Receipt{Signature: strings.Repeat("cd", 32), SecretID: "t"}
	hashed.SHA256 = sum
	renewedHashed, changed, unverified := renewed, hashed, signed
	renewedHashed.SHA256, changed.SHA256, unverified.Secret = sum, other, -1
	label := func(r veriff.Receipt) store.Label { return store.NewLabel(veriff.SessionID{}, veriff.AttemptID{}, r) }
	for name, c := range map[string]struct {
		a, b veriff.Receipt
		want bool
	}{
		"signed by the same secret":             {signed, signed, true},
		"hashed when it was fetched again":      {signed, hashed, true},
		"hashed alone when it was first":        {hashed, signed, true},
		"hashed, and signed by another secret":  {hashed, renewedHashed, true},
		"by another secret, without a hash":     {signed, renewed, false},
		"by another secret, hashed once":        {hashed, renewed, false},
		"other bytes":                           {hashed, changed, false},
		"with a signature that nobody verified": {signed, unverified, false},
	} {
		if got := label(c.a).SameBytes(label(c.b)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A label without a hash, or with none that is one, is no label of a file.
func TestLabelWithoutHash(t *testing.T) {
	for _, text := range []string{`{}`, `{"sha256":"x"}`, `{"sha256":"00"}`} {
		l, err := store.ParseLabel([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Hash(); err == nil {
			t.Errorf("%s has a hash", text)
		}
	}
	if _, err := store.ParseLabel(nil); err == nil {
		t.Error("no label parses")
	}
}

// A catalog comes back with the next mount, and none is left after an erasure.
func TestCatalogIsKept(t *testing.T) {
	c := open(t)
	first := store.NewCatalog(c)
	first.SetSize(veriff.MediaID{1}, 5)
	first.Save()
	second := store.NewCatalog(c)
	if err := second.Load(); err != nil {
		t.Fatal(err)
	}
	if n, ok := second.Size(veriff.MediaID{1}); !ok || n != 5 {
		t.Errorf("size %d, %v", n, ok)
	}
	second.Clear()
	second.Save()
	if c.Has(store.CatalogKey) {
		t.Error("an empty catalog was left behind")
	}
}
