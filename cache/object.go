package cache

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// ErrDamaged says that an object can't be read: its bytes on disk are not
// what was sealed, or the disk failed. The object is gone from the cache then;
// fetch it again.
var ErrDamaged = errors.New("cache: damaged object")

var errClosed = errors.New("cache: read of a closed object")

// backing holds the sealed bytes of an object: a file of the cache, or what
// stands in for one.
type backing interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// Object is an object that is open for reading. It stays readable until it is
// closed, whatever happens to it in the cache meanwhile.
type Object struct {
	c      *Cache
	src    backing
	aead   cipher.AEAD
	length int64
	stored time.Time
	label  []byte

	name   name
	secret uint8
	held   *held // nil: not a file of the cache

	mu     sync.RWMutex // held for reading while src is being read, so that Close waits
	closed bool
}

// buffer is for one sealed chunk, and for its nonce so that it needs no
// allocation of its own.
type buffer struct {
	nonce [nonceSize]byte
	chunk [sealedChunk]byte
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func takeBuffer() *buffer { return buffers.Get().(*buffer) }

// Size is the length of the contents in bytes.
func (o *Object) Size() int64 { return o.length }

// Label is what was given to Commit. It must not be changed.
func (o *Object) Label() []byte { return o.label }

// Stored is when the object was committed.
func (o *Object) Stored() time.Time { return o.stored }

// ReadAt is io.ReaderAt. Every byte that it returns has been authenticated;
// with ErrDamaged it returns those before the damage. It unseals the chunks of
// 64 KiB that p touches, and none else.
func (o *Object) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("cache: read at a negative offset")
	}
	if off >= o.length {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	if rest := o.length - off; int64(len(p)) > rest {
		p, err = p[:rest], io.EOF
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return 0, errClosed
	}
	buf := takeBuffer()
	defer buffers.Put(buf)
	for n < len(p) {
		got, rerr := o.readChunk(p[n:], off+int64(n), buf)
		n += got
		if rerr != nil {
			return n, o.fail(rerr)
		}
	}
	return n, err
}

// readChunk reads from the one chunk that off is in, through buf. It fills p
// to the end of p or of the chunk.
func (o *Object) readChunk(p []byte, off int64, buf *buffer) (int, error) {
	i, skip := off/chunkSize, int(off%chunkSize)
	size := min(chunkSize, o.length-i*chunkSize)
	sealed := buf.chunk[:size+tagSize]
	if n, err := o.src.ReadAt(sealed, headerSize+i*sealedChunk); n < len(sealed) {
		if err == nil || errors.Is(err, io.EOF) {
			err = errSeal
		}
		return 0, err
	}
	buf.nonce = chunkNonce(i, (i+1)*chunkSize >= o.length)
	if skip == 0 && int64(len(p)) >= size {
		// On failure Open clears what it was given: no byte of p is left wrong.
		if _, err := o.aead.Open(p[:0], buf.nonce[:], sealed, nil); err != nil {
			return 0, errSeal
		}
		return int(size), nil
	}
	plain, err := o.aead.Open(sealed[:0], buf.nonce[:], sealed, nil)
	if err != nil {
		return 0, errSeal
	}
	n := copy(p, plain[skip:])
	clear(plain)
	return n, nil
}

// Verify reads the whole object through and returns ErrDamaged if any of it
// can't be trusted. It costs about a millisecond for 2 MB in the page cache.
func (o *Object) Verify() error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return errClosed
	}
	buf := takeBuffer()
	defer buffers.Put(buf)
	var none [1]byte
	for off := int64(0); off < o.length; off += chunkSize {
		if _, err := o.readChunk(none[:], off, buf); err != nil {
			return o.fail(err)
		}
	}
	return nil
}

// fail drops the object from the cache.
func (o *Object) fail(err error) error {
	if o.held != nil {
		o.c.discard(o.secret, o.name, o.held.ino, err)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// Close lets go of the object, once no read is under way. Closing twice is
// allowed.
func (o *Object) Close() error {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return nil
	}
	o.closed = true
	var bytes int64
	if o.held != nil {
		bytes = o.c.index.release(o.held)
	}
	err := o.src.Close()
	o.mu.Unlock()
	if bytes > 0 {
		o.c.index.free(bytes)
	}
	if err != nil {
		return fmt.Errorf("cache: close object: %w", err)
	}
	return nil
}
