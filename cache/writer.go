package cache

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
)

var errEnded = errors.New("cache: the writer has ended")

// Writer seals one object. End it with Commit or Abort; Abort after Commit
// does nothing, so it can be deferred.
type Writer struct {
	c       *Cache
	key     Key
	dataKey [keySize]byte
	aead    cipher.AEAD
	sink    *sink

	fill   *buffer // plaintext of the chunk that is being filled
	filled int
	batch  *batch // sealed chunks that are not handed on yet; nil: none
	length int64  // bytes sealed or in fill
	chunks int64  // chunks sealed
	ended  bool
}

// Create starts an object of size bytes, -1 if that is not known. A size that
// turns out wrong does no harm. The object becomes visible with Commit. Only
// a key that is empty or too long, or a closed cache, is an error.
func (c *Cache) Create(k Key, size int64) (*Writer, error) {
	if err := checkKey(k); err != nil {
		return nil, err
	}
	if c.ctx.Err() != nil {
		return nil, errors.New("cache: closed")
	}
	w := &Writer{c: c, key: k}
	if _, err := io.ReadFull(c.rand, w.dataKey[:]); err != nil {
		return nil, fmt.Errorf("cache: make a key: %w", err)
	}
	var err error
	if w.aead, err = newAEAD(w.dataKey[:]); err != nil {
		return nil, fmt.Errorf("cache: make a cipher: %w", err)
	}
	w.sink = c.newSink(size)
	w.fill = takeBuffer()
	return w, nil
}

func checkKey(k Key) error {
	if len(k) == 0 || len(k) > MaxKey {
		return fmt.Errorf("cache: a key of %d bytes; 1 to %d are allowed", len(k), MaxKey)
	}
	return nil
}

// Write seals p. It fails only if neither the disk nor memory nor a temporary
// file takes the bytes, if open objects take all that there may be of those, or
// if the disk loses what it took; then fetch again.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.ended {
		return 0, errEnded
	}
	for len(p) > 0 {
		// A full chunk is sealed only when more follows: the last is marked as such.
		if w.filled == chunkSize {
			w.seal(w.fill.chunk[:chunkSize], false)
			w.filled = 0
		}
		var took int
		if w.filled == 0 && len(p) > chunkSize {
			took = chunkSize
			w.seal(p[:took], false)
		} else {
			took = copy(w.fill.chunk[w.filled:chunkSize], p)
			w.filled += took
		}
		p = p[took:]
		n += took
		w.length += int64(took)
		if w.sink.broken.Load() {
			return n, w.sink.finish()
		}
	}
	return n, nil
}

// seal seals a chunk. Several together are handed on: the disk works on them
// while the next ones come in.
func (w *Writer) seal(plain []byte, last bool) {
	if w.batch == nil {
		w.batch = batches.Get().(*batch)
		w.batch.size = 0
	}
	b := w.batch
	b.nonce = chunkNonce(w.chunks, last)
	b.size = len(w.aead.Seal(b.data[:b.size], b.nonce[:], plain, nil))
	w.chunks++
	if last || b.size == len(b.data) {
		w.sink.add(b)
		w.batch = nil
	}
}

// Commit publishes the object under its key, in place of an older one, and
// returns it open for reading; close it. The label, up to MaxLabel bytes, is
// kept sealed with it. If the disk does not take the object, the returned one
// is all there is of it. After an error the Writer is aborted.
func (w *Writer) Commit(label []byte) (*Object, error) {
	if w.ended {
		return nil, errEnded
	}
	defer w.Abort()
	if len(label) > MaxLabel {
		return nil, fmt.Errorf("cache: a label of %d bytes; up to %d are allowed", len(label), MaxLabel)
	}
	if w.filled > 0 {
		w.seal(w.fill.chunk[:w.filled], true)
	}
	if err := w.sink.finish(); err != nil {
		return nil, err
	}
	s, n := w.c.secrets[0], w.c.secrets[0].name(w.key)
	h := &header{dataKey: w.dataKey, length: w.length, stored: w.c.now().Round(0), key: w.key, label: bytes.Clone(label)}
	var salt [saltSize]byte
	if _, err := io.ReadFull(w.c.rand, salt[:]); err != nil {
		return nil, fmt.Errorf("cache: make a salt: %w", err)
	}
	b, err := sealHeader(h, s, n, salt)
	if err != nil {
		return nil, fmt.Errorf("cache: seal the header: %w", err)
	}
	if err := w.sink.put(b, 0); err != nil {
		return nil, err
	}
	o := &Object{c: w.c, aead: w.aead, length: h.length, stored: h.stored, label: h.label, name: n}
	o.src, o.held = w.sink.publish(w.key, n, h.stored)
	return o, nil
}

// Abort gives the object up. It does nothing after Commit.
func (w *Writer) Abort() {
	if w.ended {
		return
	}
	w.ended = true
	_ = w.sink.finish()
	w.sink.discard()
	if w.batch != nil {
		batches.Put(w.batch)
		w.batch = nil
	}
	clear(w.fill.chunk[:])
	buffers.Put(w.fill)
	clear(w.dataKey[:])
	w.fill = nil
}
