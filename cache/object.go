package cache

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// ErrDamaged says that an object can't be read: its bytes on disk are not
// what was sealed, or the disk failed. The object is gone from the cache then;
// fetch it again.
var ErrDamaged = errors.New("cache: damaged object")

var errClosed = errors.New("cache: read of a closed object")

// source holds the sealed bytes of an object: a file of the cache, or what stands in
// for one.
type source interface {
	io.ReaderAt
	io.Closer
}

// backing is a source that is being written.
type backing interface {
	source
	io.WriterAt
}

// Object is an object that is open for reading. It stays readable until it is
// closed, whatever happens to it in the cache meanwhile.
type Object struct {
	st       *store
	src      source
	contents *seal.Contents // of src
	header   *seal.Header

	name   seal.Name
	secret uint8
	held   *index.File // nil: not a file of the cache

	mu     sync.RWMutex // held for reading while src is being read, so that Close waits
	closed bool
}

// Size is the length of the contents in bytes.
func (o *Object) Size() int64 { return o.contents.Size() }

// Label is what was given to Commit. It must not be changed.
func (o *Object) Label() []byte { return o.header.Label }

// Meaning returns what read makes of the label, which is the same whoever asks: it may
// be remembered for the next time that the object is opened.
func (o *Object) Meaning(read func(label []byte) (any, error)) (any, error) {
	return o.header.Meaning(read)
}

// Stored is when the object was committed.
func (o *Object) Stored() time.Time { return o.header.Stored }

// ReadAt is io.ReaderAt. Every byte that it returns has been authenticated: with
// ErrDamaged those before the damage. It unseals only the 64 KiB chunks that p touches.
func (o *Object) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("cache: read at a negative offset")
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return 0, errClosed
	}
	n, err = o.contents.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = o.fail(err)
	}
	return n, err
}

// Verify reads the whole object and returns ErrDamaged if any of it can't be trusted.
func (o *Object) Verify() error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return errClosed
	}
	err := o.contents.Verify()
	if err == nil && o.held != nil { // its header may be one that is remembered
		_, err = seal.ReadHeader(o.src, seal.FileSize(o.Size()), o.st.secrets[o.secret], o.name)
	}
	if err != nil {
		return o.fail(err)
	}
	return nil
}

// fail drops the object from the cache. One that is held stays if it was the disk
// that failed: it may be readable another time.
func (o *Object) fail(err error) error {
	if o.held != nil && (errors.Is(err, seal.ErrSeal) || !o.st.index.IsKept(o.name)) {
		_ = o.st.discard(o.secret, o.name, o.header.Key, o.held.Inode(), err)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// Close closes the object once no read is under way. Closing twice is allowed.
func (o *Object) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	o.closed = true
	var bytes int64
	if o.held != nil {
		bytes = o.st.index.Release(o.held)
	}
	err := o.src.Close()
	if bytes > 0 {
		o.st.index.Settle(0, -bytes)
	}
	if err != nil {
		return fmt.Errorf("cache: close object: %w", err)
	}
	return nil
}
