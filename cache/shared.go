package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"veriffs/cache/age"
	"veriffs/cache/note"
	"veriffs/cache/seal"
)

// ErrRefused says that bytes from a store that others share are not the object that
// was asked for: another one, an altered or cut one, one that a secret sealed which is
// not configured, or one that is too old. Nothing of them is left.
var ErrRefused = errors.New("cache: a shared object was refused")

// Sealed is an object as it is on the disk, open for a store that others share.
type Sealed struct {
	// Path is where it goes, relative to where the store begins.
	Path string
	// Label is what was given to Commit. It must not be changed.
	Label []byte
	// Body is all that is to be stored there.
	Body *io.SectionReader

	o *Object
}

// Close ends the use of the object.
func (s *Sealed) Close() error { return s.o.Close() }

// SharedPaths returns where a shared object of this key may be: a path for each secret.
// The first is where Export puts it.
func (c *Cache) SharedPaths(k Key) []string {
	paths := make([]string, len(c.shared))
	for i, h := range c.shared {
		paths[i] = h.Path(k)
	}
	return paths
}

// Export opens the object of this key to be shared, if the first secret has sealed it,
// after reading it through. Close it. With pad its size says less. What an ephemeral key
// has sealed nobody else can open, so there is nothing to share.
func (c *Cache) Export(k Key, pad bool) (*Sealed, bool) {
	if c.opts.Ephemeral {
		return nil, false
	}
	o, err := c.open(c.store.Load(), 0, c.secrets[0].Name(k), k)
	if err != nil {
		return nil, false
	}
	s := &Sealed{Path: c.shared[0].Path(k), Label: o.header.Label, o: o}
	if err = o.Verify(); err == nil {
		s.Body, err = c.shared[0].Reader(k, o.src, seal.FileSize(o.Size()), pad)
	}
	if err != nil {
		o.Close()
		return nil, false
	}
	return s, true
}

// NoteSize is that of every note, in bytes.
const NoteSize = note.Size

// Notes seals what is left for others in such a store, as they do.
func (c *Cache) Notes() *note.Sealer { return note.New(c.secrets, c.shared, c.rand, c.now) }

// PeekSize is how much of a shared object Peek needs, in bytes.
const PeekSize int64 = int64(seal.SharedBegin)

// Peek reads what a shared object says of itself, without its contents: begins is its
// first PeekSize bytes, size all that there are, path where it was found.
// ErrRefused if no configured secret has sealed it for that path.
func (c *Cache) Peek(path string, begins []byte, size int64) (Entry, error) {
	for _, h := range c.shared {
		if header, _, err := h.Open(begins, size, path); err == nil {
			return Entry{Key: header.Key, Label: header.Label, Stored: header.Stored, Bytes: size}, nil
		}
	}
	return Entry{}, fmt.Errorf("%w: %w", ErrRefused, seal.ErrSeal)
}

// Adopt takes an object in that another cache exported: body, of size bytes, found at
// one of the SharedPaths of k. It is authenticated in full, like an object on the disk,
// before it gets an object's name, and is stored as it was sealed, as old as it is. The
// object is returned open; close it. body is read as far as it is needed. accept is
// asked last, and may refuse an authentic object by its label.
//
// Errors: ErrRefused; those of body; those of [Writer.Write].
func (c *Cache) Adopt(k Key, path string, size int64, body io.Reader, accept func(label []byte) error) (*Object, error) {
	i := slices.IndexFunc(c.shared, func(h *seal.Shared) bool { return h.Path(k) == path })
	if i < 0 || c.opts.Ephemeral || size < PeekSize {
		return nil, fmt.Errorf("%w: %w", ErrRefused, seal.ErrSeal)
	}
	if c.ctx.Err() != nil {
		return nil, errors.New("cache: closed")
	}
	begins := make([]byte, PeekSize)
	if _, err := io.ReadFull(body, begins); err != nil {
		return nil, fmt.Errorf("cache: read a shared object: %w", err)
	}
	h, file, err := c.shared[i].Open(bytes.Clone(begins), size, path) // which unseals in place
	if err == nil && h.Key != k {
		err = seal.ErrSeal
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if age.Left(c.opts.MaxAge, h.Stored, c.now()) <= 0 && !c.store.Load().index.IsKept(c.secrets[i].Name(k)) {
		return nil, fmt.Errorf("%w: it is too old", ErrRefused)
	}
	s := newSink(c, h.Length)
	s.secret = uint8(i)
	defer s.discard()
	if err := s.take(body, file-seal.HeaderSize); err != nil {
		return nil, err
	}
	if err := s.put(begins[seal.SharedHead:], 0); err != nil {
		return nil, err
	}
	contents, err := h.Contents(s.dst)
	if err == nil {
		err = contents.Verify()
	}
	if errors.Is(err, seal.ErrSeal) {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err != nil {
		return nil, fmt.Errorf("cache: read a shared object back: %w", err)
	}
	if err := accept(h.Label); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	o, err := s.publish(h)
	if err == nil && i > 0 && c.store.Load().index.IsKept(o.name) {
		// What is held must not depend on a secret that is about to go.
		_ = c.Holds().renew(k)
	}
	return o, err
}

// takeStep is how much of a shared object is read at a time, in bytes.
const takeStep = 256 << 10

var takeBuffers = sync.Pool{New: func() any { return new([takeStep]byte) }}

// take writes n bytes of r, which come after the header.
func (s *sink) take(r io.Reader, n int64) error {
	buf := takeBuffers.Get().(*[takeStep]byte)
	defer takeBuffers.Put(buf)
	for n > 0 {
		p := buf[:min(n, takeStep)]
		if _, err := io.ReadFull(r, p); err != nil {
			return fmt.Errorf("cache: read a shared object: %w", err)
		}
		if err := guard(func() error { return s.put(p, s.wrote) }); err != nil {
			return err
		}
		n -= int64(len(p))
	}
	return nil
}
