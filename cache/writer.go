package cache

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"veriffs/cache/seal"
)

var errEnded = errors.New("cache: the writer has ended")

// Writer seals one object. End it with Commit or Abort; Abort after Commit
// does nothing, so it can be deferred.
type Writer struct {
	c      *Cache
	key    Key
	sealer *seal.Writer
	sink   *sink
	ended  bool
	stored time.Time // when the object was stored first; zero: now
}

// Create starts an object of size bytes, -1 if that is not known. A wrong size
// does no harm. The object becomes visible with Commit. Only a key that is
// empty or too long, or a closed cache, is an error.
func (c *Cache) Create(k Key, size int64) (*Writer, error) {
	if err := checkKey(k); err != nil {
		return nil, err
	}
	if c.ctx.Err() != nil {
		return nil, errors.New("cache: closed")
	}
	w := &Writer{c: c, key: k}
	var err error
	if w.sealer, err = seal.NewWriter(c.rand, func(b *seal.Batch) { w.sink.add(b) }); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	w.sink = newSink(c, size)
	return w, nil
}

func checkKey(k Key) error {
	if len(k) == 0 || len(k) > seal.MaxKey {
		return fmt.Errorf("cache: a key of %d bytes; 1 to %d are allowed", len(k), seal.MaxKey)
	}
	return nil
}

// Write seals p. It fails only if neither the disk nor memory nor a temporary
// file takes the bytes, if open objects take all the room there is outside of
// the disk, or if the disk loses what it took; then fetch again.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.ended {
		return 0, errEnded
	}
	w.sealer.Write(p)
	if w.sink.broken.Load() {
		return 0, w.sink.finish()
	}
	return len(p), nil
}

// Commit publishes the object under its key, in place of an older one, and
// returns it open for reading; close it. The label, up to seal.MaxLabel bytes, is
// kept sealed with it. If the disk does not take the object, the returned one
// is all there is of it. After an error the Writer is aborted.
func (w *Writer) Commit(label []byte) (*Object, error) {
	if w.ended {
		return nil, errEnded
	}
	defer w.Abort()
	if len(label) > seal.MaxLabel {
		return nil, fmt.Errorf("cache: a label of %d bytes; up to %d are allowed", len(label), seal.MaxLabel)
	}
	if w.stored.IsZero() {
		w.stored = w.c.now().Round(0)
	}
	h, err := w.sealer.Finish(w.c.secrets[0], w.key, bytes.Clone(label), w.stored)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	if err := w.sink.finish(); err != nil {
		return nil, err
	}
	return w.sink.publish(h)
}

// Abort gives the object up. It does nothing after Commit.
func (w *Writer) Abort() {
	if w.ended {
		return
	}
	w.ended = true
	_ = w.sink.finish()
	w.sink.discard()
	w.sealer.Close()
}
