package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"veriffs/cache/seal"
)

// exported is a shared object, as one cache hands it out.
func exported(t *testing.T, c *Cache, k Key, pad bool) (path string, bytes []byte) {
	t.Helper()
	s, ok := c.Export(k, pad)
	if !ok {
		t.Fatalf("%s is not handed out", k)
	}
	defer s.Close()
	b, err := io.ReadAll(s.Body)
	must(t, err)
	if int64(len(b)) != s.Body.Size() {
		t.Fatalf("%d of %d bytes", len(b), s.Body.Size())
	}
	return s.Path, b
}

func anyLabel([]byte) error { return nil }

// adopt has a cache take bytes in, and reads what it took.
func adopt(t *testing.T, c *Cache, k Key, path string, b []byte) ([]byte, error) {
	t.Helper()
	o, err := c.Adopt(k, path, int64(len(b)), bytes.NewReader(b), anyLabel)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	must(t, err)
	return got, nil
}

// wantRefused wants bytes to be refused and nothing of them to be left.
func wantRefused(t *testing.T, c *Cache, what string, k Key, path string, b []byte) {
	t.Helper()
	if _, err := adopt(t, c, k, path, b); !errors.Is(err, ErrRefused) {
		t.Errorf("%s: %v", what, err)
	}
	wantMiss(t, c, k)
	if left := files(t, c.opts.Dir); len(left) > 0 {
		t.Errorf("%s: left: %q", what, left)
	}
	if temps, err := os.ReadDir(filepath.Join(c.opts.Dir, "tmp")); err != nil || len(temps) > 0 {
		t.Errorf("%s: left in tmp: %v, %v", what, temps, err)
	}
}

// TestShared hands objects of all sizes from one cache to another: the same file, byte
// for byte, as old as it is.
func TestShared(t *testing.T) {
	for _, size := range []int{0, 1, seal.ChunkSize, 3*seal.ChunkSize + 100, 40 * seal.ChunkSize} {
		for _, pad := range []bool{false, true} {
			t.Run(fmt.Sprint(size, " ", pad), func(t *testing.T) {
				at := newClock()
				o := testOptions(t)
				o.Now = at.now
				from := open(t, o)
				put(t, from, "k", content(1, size))
				path, b := exported(t, from, "k", pad)
				if want := from.SharedPaths("k")[0]; path != want || strings.Contains(path, from.secrets[0].Name("k").String()) {
					t.Errorf("path %s, want %s and not the local name", path, want)
				}
				at.advance(60)
				o.Dir = filepath.Join(t.TempDir(), "other")
				to := open(t, o)
				got, err := adopt(t, to, "k", path, b)
				must(t, err)
				if !bytes.Equal(got, content(1, size)) {
					t.Error("other bytes")
				}
				wantHit(t, to, "k", content(1, size))
				checkCounts(t, to)
				one, two := files(t, from.opts.Dir), files(t, to.opts.Dir)
				if len(one) != 1 || len(two) != 1 || filepath.Base(one[0]) != filepath.Base(two[0]) {
					t.Fatalf("%q and %q", one, two)
				}
				a, err := os.ReadFile(one[0])
				must(t, err)
				again, err := os.ReadFile(two[0])
				must(t, err)
				if !bytes.Equal(a, again) {
					t.Error("it was sealed anew")
				}
				taken, _ := to.Get("k")
				defer taken.Close()
				if age := at.now().Sub(taken.Stored()); age != time.Minute {
					t.Errorf("it is %v old, want a minute", age)
				}
			})
		}
	}
}

// TestSharedDamage refuses what is not the object that was asked for.
func TestSharedDamage(t *testing.T) {
	o := testOptions(t)
	from := open(t, o)
	size := 2*seal.ChunkSize + 100
	put(t, from, "k", content(1, size))
	put(t, from, "other", content(2, size))
	path, good := exported(t, from, "k", false)
	otherPath, other := exported(t, from, "other", false)
	o.Dir = filepath.Join(t.TempDir(), "to")
	to := open(t, o)
	waitLoaded(t, to)

	for what, b := range map[string][]byte{
		"empty": nil, "a header cut": good[:1000], "a body cut": good[:len(good)-1], "cut to a chunk": good[:seal.SharedBegin+seal.SealedChunk],
		"extended": append(slices.Clone(good), 0), "another object": other, "an object without a head": good[seal.SharedHead:],
		"the head of another": slices.Concat(other[:seal.SharedHead], good[seal.SharedHead:]),
		"the body of another": slices.Concat(good[:seal.SharedBegin], other[seal.SharedBegin:]),
		"zeros":               make([]byte, len(good)),
	} {
		wantRefused(t, to, what, "k", path, b)
	}
	for at := range good {
		if at > seal.SharedBegin+100 && at%9973 != 0 && at < len(good)-20 {
			continue
		}
		b := slices.Clone(good)
		b[at] ^= 1
		wantRefused(t, to, fmt.Sprint("byte ", at), "k", path, b)
	}
	wantRefused(t, to, "another's path", "k", otherPath, good)
	wantRefused(t, to, "another's path and bytes", "k", otherPath, other)
	if _, err := to.Adopt("k", path, int64(len(good)), bytes.NewReader(good), func([]byte) error { return errors.New("no") }); !errors.Is(err, ErrRefused) {
		t.Error("a label that is not accepted:", err)
	}
	if _, err := to.Adopt("k", path, int64(len(good)), bytes.NewReader(good[:len(good)/2]), anyLabel); err == nil || errors.Is(err, ErrRefused) {
		t.Error("a connection that was cut is no damage:", err)
	}
	checkCounts(t, to)
	if _, err := adopt(t, to, "k", path, good); err != nil {
		t.Error("the undamaged one:", err)
	}

	o.Dir, o.Secrets = filepath.Join(t.TempDir(), "foreign"), [][]byte{[]byte("of somebody else")}
	foreign := open(t, o)
	waitLoaded(t, foreign)
	wantRefused(t, foreign, "another secret's path", "k", path, good)
	wantRefused(t, foreign, "another secret's object", "k", foreign.SharedPaths("k")[0], good)
}

// TestSharedAge refuses what is too old, or from the future.
func TestSharedAge(t *testing.T) {
	at := newClock()
	o := testOptions(t)
	o.Now = at.now
	from := open(t, o)
	put(t, from, "k", content(1, 100))
	path, b := exported(t, from, "k", false)
	o.Dir, o.MaxAge = filepath.Join(t.TempDir(), "to"), time.Hour
	to := open(t, o)
	waitLoaded(t, to)
	at.advance(3600)
	wantRefused(t, to, "too old", "k", path, b)
	at.advance(-3600 - 600)
	wantRefused(t, to, "from the future", "k", path, b)
	at.advance(600)
	if _, err := adopt(t, to, "k", path, b); err != nil {
		t.Error(err)
	}
}

// TestSharedRotation: what an older secret sealed is taken in while it is configured;
// only the first secret's is handed out.
func TestSharedRotation(t *testing.T) {
	o := testOptions(t)
	old, fresh := []byte("the old secret"), []byte("the new secret")
	o.Secrets = [][]byte{old}
	from := open(t, o)
	put(t, from, "k", content(1, 1000))
	path, b := exported(t, from, "k", false)

	o.Dir, o.Secrets = filepath.Join(t.TempDir(), "to"), [][]byte{fresh, old}
	to := open(t, o)
	paths := to.SharedPaths("k")
	if len(paths) != 2 || paths[1] != path || paths[0] == path {
		t.Fatalf("paths %q, want the old one, %s, last", paths, path)
	}
	must(t, to.Pin("k"))
	if _, err := adopt(t, to, "k", path, b); err != nil {
		t.Fatal(err)
	}
	wantHit(t, to, "k", content(1, 1000))
	if s := to.Stats(); s.Pinned != 1 {
		t.Errorf("the pin: %+v", s)
	}
	if _, ok := to.Export("k", false); ok {
		t.Error("what the old secret sealed was handed out")
	}
	put(t, to, "k", content(2, 1000)) // in place of the other
	wantHit(t, to, "k", content(2, 1000))
	if n := len(files(t, to.opts.Dir)); n != 1 {
		t.Errorf("%d files for one object", n)
	}
	checkCounts(t, to)
}

// TestSharedPeek tells whose a shared object is by its beginning.
func TestSharedPeek(t *testing.T) {
	c := open(t, testOptions(t))
	put(t, c, "k", content(1, 1000))
	path, b := exported(t, c, "k", true)
	e, err := c.Peek(path, b[:PeekSize], int64(len(b)))
	if err != nil || e.Key != "k" || string(e.Label) != "label of k" || e.Bytes != int64(len(b)) {
		t.Errorf("%+v, %v", e, err)
	}
	for what, at := range map[string]string{"another path": c.SharedPaths("other")[0], "no path": "x", "no secret's": "0000" + path[4:]} {
		if _, err := c.Peek(at, slices.Clone(b[:PeekSize]), int64(len(b))); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := c.Peek(path, b[:100], int64(len(b))); !errors.Is(err, ErrRefused) {
		t.Error("a short one:", err)
	}
}

// TestSharedOfEphemeral: nobody else could open it.
func TestSharedOfEphemeral(t *testing.T) {
	from := open(t, testOptions(t))
	put(t, from, "k", content(1, 100))
	path, b := exported(t, from, "k", false)
	o := testOptions(t)
	o.Secrets, o.Ephemeral = nil, true
	c := open(t, o)
	put(t, c, "mine", content(1, 100))
	if _, ok := c.Export("mine", false); ok {
		t.Error("an ephemeral object was handed out")
	}
	if _, err := adopt(t, c, "k", path, b); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

// TestSharedDamagedHere: what is damaged on our disk is not handed out.
func TestSharedDamagedHere(t *testing.T) {
	f := newSealedFile(t, 3*seal.ChunkSize)
	b := slices.Clone(f.bytes)
	b[len(b)-1] ^= 1
	must(t, os.WriteFile(f.path, b, 0o600))
	if _, ok := f.c.Export(f.key, false); ok {
		t.Error("a damaged object was handed out")
	}
	wantMiss(t, f.c, f.key)
}

// TestSharedWithoutRoom: what does not fit is read all the same, and forgotten.
func TestSharedWithoutRoom(t *testing.T) {
	o := testOptions(t)
	from := open(t, o)
	want := content(1, 4<<20)
	put(t, from, "k", want)
	path, b := exported(t, from, "k", false)
	o.Dir, o.Limit = filepath.Join(t.TempDir(), "to"), 1<<20
	to := open(t, o)
	got, err := adopt(t, to, "k", path, b)
	if err != nil || !bytes.Equal(got, want) {
		t.Error(err)
	}
	wantMiss(t, to, "k")
	checkCounts(t, to)
}
