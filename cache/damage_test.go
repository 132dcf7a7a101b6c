package cache

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/cache/seal"
)

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
	f.path = filepath.Join(o.Dir, c.secrets[0].Path(c.secrets[0].Name(f.key)))
	var err error
	if f.bytes, err = os.ReadFile(f.path); err != nil {
		t.Fatal(err)
	}
	return f
}

// overwrite changes a file in place, until the clock that the kernel stamps inodes with
// has moved: it ticks every few milliseconds on Linux before 6.13.
func overwrite(t *testing.T, path string, b []byte) {
	var was, is unix.Stat_t
	must(t, unix.Lstat(path, &was))
	for is.Ctim = was.Ctim; is.Ctim == was.Ctim; must(t, unix.Lstat(path, &is)) {
		must(t, os.WriteFile(path, b, 0o600))
	}
}

// TestDamageIsAMiss damages files on disk, with their headers remembered or not. Each is
// a miss or ErrDamaged, is deleted and counted once, and can be stored again.
func TestDamageIsAMiss(t *testing.T) {
	const size = 3*seal.ChunkSize + 100
	damages := map[string]func(b []byte) []byte{
		"empty":        func(b []byte) []byte { return nil },
		"header cut":   func(b []byte) []byte { return b[:seal.HeaderSize/2] },
		"body cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"extended":     func(b []byte) []byte { return append(b, 0) },
		"salt":         func(b []byte) []byte { b[10] ^= 1; return b },
		"version":      func(b []byte) []byte { b[7]++; return b },
		"first chunk":  func(b []byte) []byte { b[seal.HeaderSize] ^= 1; return b },
		"last tag":     func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"zeroed chunk": func(b []byte) []byte { clear(b[seal.HeaderSize+seal.SealedChunk:][:seal.SealedChunk]); return b },
	}
	check := func(what string, damage func(b []byte) []byte, opened bool) {
		t.Run(what, func(t *testing.T) {
			f := newSealedFile(t, size)
			if opened {
				wantHit(t, f.c, f.key, f.want)
			}
			overwrite(t, f.path, damage(bytes.Clone(f.bytes)))
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
	for what, damage := range damages {
		check(what, damage, false)
		check(what+", opened before", damage, true)
	}
}

// TestMovedObject copies a good file over another object's name.
func TestMovedObject(t *testing.T) {
	f := newSealedFile(t, 5000)
	put(t, f.c, "other", content(8, 5000))
	wantHit(t, f.c, "other", content(8, 5000))
	other := filepath.Join(f.c.opts.Dir, f.c.secrets[0].Path(f.c.secrets[0].Name("other")))
	overwrite(t, other, f.bytes)
	wantMiss(t, f.c, "other")
	wantHit(t, f.c, f.key, f.want)
}

// Verify reads the header from the disk, though it is remembered: a disk that rots changes
// no time.
func TestVerifyReadsTheHeader(t *testing.T) {
	c := open(t, testOptions(t))
	put(t, c, "k", content(1, 1000))
	for range 2 { // the second open goes by what the first one read
		o, ok := c.Get("k")
		if !ok {
			t.Fatal("miss")
		}
		if err := o.Verify(); err != nil {
			t.Fatal(err)
		}
		defer o.Close()
	}
	o, ok := c.Get("k")
	if !ok {
		t.Fatal("miss")
	}
	defer o.Close()
	f, err := os.OpenFile(filepath.Join(c.opts.Dir, c.secrets[0].Path(o.name)), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{1, 2, 3, 4}, 100); err != nil {
		t.Fatal(err)
	}
	if err := o.Verify(); !errors.Is(err, ErrDamaged) {
		t.Errorf("Verify of an object with a damaged header: %v", err)
	}
}
