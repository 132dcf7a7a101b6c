package cache

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/iotest"

	"veriffs/cache/seal"
)

func testOptions(t testing.TB) Options {
	t.Helper()
	return Options{
		Dir:     filepath.Join(t.TempDir(), "cache"),
		Limit:   64 << 20,
		Secrets: [][]byte{[]byte("a secret for tests")},
	}
}

// open opens a cache that is closed at the end of the test.
func open(t testing.TB, o Options) *Cache {
	t.Helper()
	c, err := Open(o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// content is n bytes that depend on seed and do not compress.
func content(seed uint64, n int) []byte {
	b := make([]byte, n)
	var s [32]byte
	s[0], s[1] = byte(seed), byte(seed>>8)
	rand.NewChaCha8(s).Read(b)
	return b
}

// put stores an object and fails the test if that does not work.
func put(t testing.TB, c *Cache, k Key, b []byte) {
	t.Helper()
	w, err := c.Create(k, int64(len(b)))
	if err != nil {
		t.Fatalf("Create %s: %v", k, err)
	}
	defer w.Abort()
	if _, err := w.Write(b); err != nil {
		t.Fatalf("Write %s: %v", k, err)
	}
	o, err := w.Commit([]byte("label of " + k))
	if err != nil {
		t.Fatalf("Commit %s: %v", k, err)
	}
	if err := o.Close(); err != nil {
		t.Fatalf("Close %s: %v", k, err)
	}
}

// get returns an object's contents, and whether there is one.
func get(t testing.TB, c *Cache, k Key) ([]byte, bool) {
	t.Helper()
	o, ok := c.Get(k)
	if !ok {
		return nil, false
	}
	defer o.Close()
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		t.Fatalf("read %s: %v", k, err)
	}
	if want := "label of " + string(k); string(o.Label()) != want {
		t.Fatalf("label %q, want %q", o.Label(), want)
	}
	return b, true
}

func wantHit(t testing.TB, c *Cache, k Key, want []byte) {
	t.Helper()
	got, ok := get(t, c, k)
	if !ok {
		t.Fatalf("%s: miss", k)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: wrong bytes (%d, want %d)", k, len(got), len(want))
	}
}

func wantMiss(t testing.TB, c *Cache, k Key) {
	t.Helper()
	if _, ok := get(t, c, k); ok {
		t.Fatalf("%s: hit, want a miss", k)
	}
}

func TestRoundTrip(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	sizes := []int{0, 1, 15, 4096, seal.ChunkSize - 1, seal.ChunkSize, seal.ChunkSize + 1, 3 * seal.ChunkSize, 5*seal.ChunkSize + 77}
	check := func() {
		t.Helper()
		for i, size := range sizes {
			wantHit(t, c, Key(fmt.Sprint("k", size)), content(uint64(i), size))
		}
	}
	for i, size := range sizes {
		put(t, c, Key(fmt.Sprint("k", size)), content(uint64(i), size))
	}
	check()
	wantMiss(t, c, "other")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = open(t, o)
	check()
}

// TestPieces writes an object in pieces of various lengths.
func TestPieces(t *testing.T) {
	c := open(t, testOptions(t))
	want := content(1, 3*seal.ChunkSize+seal.ChunkSize/2)
	for _, piece := range []int{1009, seal.ChunkSize - 1, seal.ChunkSize, seal.ChunkSize + 1, 3 * seal.ChunkSize} {
		w, err := c.Create("k", -1)
		must(t, err)
		for b := want; len(b) > 0; b = b[min(piece, len(b)):] {
			n, err := w.Write(b[:min(piece, len(b))])
			if err != nil || n != min(piece, len(b)) {
				t.Fatal(n, err)
			}
		}
		o, err := w.Commit([]byte("label of k"))
		must(t, err)
		must(t, o.Verify())
		must(t, o.Close())
		wantHit(t, c, "k", want)
	}
}

// TestReadAt reads every kind of range: within a chunk, across borders, up to
// the end and beyond.
func TestReadAt(t *testing.T) {
	c := open(t, testOptions(t))
	want := content(1, 3*seal.ChunkSize+100)
	put(t, c, "k", want)
	o, ok := c.Get("k")
	if !ok {
		t.Fatal("miss")
	}
	defer o.Close()
	at := []int{0, 1, seal.ChunkSize - 1, seal.ChunkSize, seal.ChunkSize + 1, 2*seal.ChunkSize + 5, 3 * seal.ChunkSize, len(want) - 1, len(want), len(want) + 1}
	for _, from := range at {
		for _, size := range []int{1, 4096, seal.ChunkSize, 2*seal.ChunkSize + 1, 5 * seal.ChunkSize} {
			p := make([]byte, size)
			n, err := o.ReadAt(p, int64(from))
			left := want[min(from, len(want)):]
			if wantN := min(size, len(left)); n != wantN || !bytes.Equal(p[:n], left[:n]) || (err == io.EOF) != (n < size) || err != nil && err != io.EOF {
				t.Errorf("%d bytes at %d: %d, %v", size, from, n, err)
			}
		}
	}
	if _, err := o.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset was accepted")
	}
	put(t, c, "small", want[:1000])
	small, ok := c.Get("small")
	if !ok {
		t.Fatal("miss")
	}
	defer small.Close()
	must(t, iotest.TestReader(io.NewSectionReader(small, 0, small.Size()), want[:1000]))
}
