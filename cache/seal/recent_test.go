package seal

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// countedReader counts what is read of a file.
type countedReader struct {
	io.ReaderAt
	reads int
}

func (r *countedReader) ReadAt(p []byte, off int64) (int, error) {
	r.reads++
	return r.ReaderAt.ReadAt(p, off)
}

// TestRecent: a header is read once while its file stays as it is, and again when it
// changes or is forgotten. What can't be read is not remembered.
func TestRecent(t *testing.T) {
	f := newSealedFile(t, 1, 3000)
	n, r := f.secret.Name(f.key), NewRecent()
	v := Version{Inode: 1, Size: int64(len(f.bytes)), Changed: 1}
	file := &countedReader{ReaderAt: bytes.NewReader(f.bytes)}
	reads := func(what string, want int, v Version) *Header {
		t.Helper()
		before := file.reads
		h, err := r.Header(file, v, f.secret, n)
		must(t, err)
		if got := file.reads - before; got != want {
			t.Errorf("%s: %d reads, want %d", what, got, want)
		}
		return h
	}
	h := reads("the first time", 1, v)
	if again := reads("the second time", 0, v); again != h || string(h.Label) != "label" || h.Key != f.key {
		t.Errorf("%+v, then %+v", h, again)
	}
	contents, err := h.Contents(file)
	must(t, err)
	got := make([]byte, len(f.want))
	if _, err := contents.ReadAt(got, 0); err != nil || !bytes.Equal(got, f.want) {
		t.Errorf("a remembered header does not open the contents: %v", err)
	}
	for what, changed := range map[string]Version{
		"another file": {Inode: 2, Size: v.Size, Changed: 1}, "changed": {Inode: 1, Size: v.Size, Changed: 2},
	} {
		reads(what, 1, changed)
	}
	reads("as before", 1, v)
	r.Forget(n)
	reads("forgotten", 1, v)
	r.Clear()
	reads("all forgotten", 1, v)

	r.Forget(n)
	file.ReaderAt = bytes.NewReader(make([]byte, len(f.bytes)))
	if _, err := r.Header(file, v, f.secret, n); !errors.Is(err, ErrSeal) {
		t.Errorf("no header: %v", err)
	}
	file.ReaderAt = bytes.NewReader(f.bytes)
	reads("after a failure", 1, v)
}

// TestMeaning: what a label means is asked once for a header that is remembered, and each
// time for one that is not; a failure is not remembered.
func TestMeaning(t *testing.T) {
	f := newSealedFile(t, 1, 10)
	n, file, v := f.secret.Name(f.key), bytes.NewReader(f.bytes), Version{Size: int64(len(f.bytes))}
	for r, want := range map[*Recent]int{NewRecent(): 2, nil: 3} {
		h, err := r.Header(file, v, f.secret, n)
		must(t, err)
		asked := 0
		for range 3 {
			meaning, err := h.Meaning(func(label []byte) (any, error) {
				if asked++; asked == 1 {
					return nil, io.ErrUnexpectedEOF
				}
				return string(label), nil
			})
			if first := asked == 1; first != (err != nil) || !first && meaning != "label" {
				t.Errorf("%v, %v", meaning, err)
			}
		}
		if asked != want {
			t.Errorf("remembered: %v; asked %d times, want %d", r != nil, asked, want)
		}
	}
}
