package seal

import (
	"crypto/cipher"
	"errors"
	"io"
	"sync"
)

// Contents reads an object's contents out of its sealed file.
type Contents struct {
	src    io.ReaderAt
	aead   cipher.AEAD
	length int64
}

// Contents returns a reader of the contents of the file src, whose header h is.
func (h *Header) Contents(src io.ReaderAt) (*Contents, error) {
	if h.derived != nil {
		return &Contents{src: src, aead: h.derived.aead, length: h.Length}, nil
	}
	aead, err := newAEAD(h.dataKey[:])
	if err != nil {
		return nil, err
	}
	return &Contents{src: src, aead: aead, length: h.Length}, nil
}

// buffer is for one sealed chunk, and for its nonce, which would be an
// allocation of its own otherwise.
type buffer struct {
	nonce [nonceSize]byte
	chunk [SealedChunk]byte
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// Size is the length of the contents in bytes.
func (c *Contents) Size() int64 { return c.length }

// ReadAt is io.ReaderAt. Every byte that it returns has been authenticated; if
// it fails it returns those before the damage. It reads and unseals just the
// chunks that p touches. io.EOF means the end of the contents and nothing else.
func (c *Contents) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	if off >= c.length {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	if rest := c.length - off; int64(len(p)) > rest {
		p, err = p[:rest], io.EOF
	}
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	for n < len(p) {
		got, failed := c.readChunk(p[n:], off+int64(n), buf)
		n += got
		if failed != nil {
			return n, failed
		}
	}
	return n, err
}

// readChunk reads from the one chunk that off is in, through buf. It fills p
// to the end of p or of the chunk.
func (c *Contents) readChunk(p []byte, off int64, buf *buffer) (int, error) {
	i, skip := off/ChunkSize, int(off%ChunkSize)
	size := min(ChunkSize, c.length-i*ChunkSize)
	sealed := buf.chunk[:size+tagSize]
	if n, err := c.src.ReadAt(sealed, HeaderSize+i*SealedChunk); n < len(sealed) {
		if err == nil || errors.Is(err, io.EOF) {
			err = ErrSeal
		}
		return 0, err
	}
	buf.nonce = chunkNonce(i, (i+1)*ChunkSize >= c.length)
	if skip == 0 && int64(len(p)) >= size {
		// If this fails, Open clears what it was given: no wrong byte is left in p.
		if _, err := c.aead.Open(p[:0], buf.nonce[:], sealed, nil); err != nil {
			return 0, ErrSeal
		}
		return int(size), nil
	}
	plain, err := c.aead.Open(sealed[:0], buf.nonce[:], sealed, nil)
	if err != nil {
		return 0, ErrSeal
	}
	n := copy(p, plain[skip:])
	clear(plain)
	return n, nil
}

// Verify reads the contents through and returns the first error. It takes
// about a millisecond for 2 MB in the page cache.
func (c *Contents) Verify() error {
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	var none [1]byte
	for off := int64(0); off < c.length; off += ChunkSize {
		if _, err := c.readChunk(none[:], off, buf); err != nil {
			return err
		}
	}
	return nil
}
