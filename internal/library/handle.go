package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// Handle is an open file. It stays readable whatever becomes of the session
// or of the cache, until it is closed.
type Handle struct {
	files *files
	file  *File
	from  Source // for this open

	mu     sync.Mutex
	object *object
}

// Size is the verified length in bytes.
func (h *Handle) Size() int64 { return h.current().Size() }

// Fingerprint tells the verified bytes from any others.
func (h *Handle) Fingerprint() [32]byte { return h.current().label.Fingerprint }

// SHA256 is the hash of the verified bytes. If it was not computed as they came, they
// are read for it.
func (h *Handle) SHA256() ([32]byte, error) {
	return h.current().label.HashOf(io.NewSectionReader(h, 0, h.Size()))
}

// Label returns what was sealed with the file: whose it is, when it was received
// and who signed it.
func (h *Handle) Label() store.Label { return h.current().label.Label }

// From says where this open got the file.
func (h *Handle) From() Source { return h.from }

// RereadTimeout bounds the one read that waits for the network.
const RereadTimeout = 20 * time.Second

// ReadAt is io.ReaderAt. Should the object have been damaged on the disk since it was
// stored, it is fetched again: the one case in which a read waits for the network.
func (h *Handle) ReadAt(p []byte, off int64) (int, error) {
	o := h.current()
	n, err := o.ReadAt(p, off)
	if !errors.Is(err, cache.ErrDamaged) {
		return n, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), RereadTimeout)
	defer cancel()
	fresh, err := h.replace(ctx, o)
	if err != nil {
		return 0, fmt.Errorf("library: fetch media %s again: %w", h.file.ID, err)
	}
	return fresh.ReadAt(p, off)
}

// Close gives the file back. Reads must have ended.
func (h *Handle) Close() { h.files.release(h.current()) }

func (h *Handle) current() *object {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.object
}

// replace swaps a damaged object for a fresh one with the same bytes. Other
// bytes under the same id are refused here: what was read before would not
// fit to what is read next.
func (h *Handle) replace(ctx context.Context, damaged *object) (*object, error) {
	h.files.disown(damaged)
	fresh, _, err := h.files.object(ctx, h.file)
	if err != nil {
		return nil, err
	}
	if !fresh.label.SameBytes(damaged.label.Label) {
		h.files.release(fresh)
		return nil, fmt.Errorf("its bytes have changed: %w", veriff.ErrBody)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.object != damaged { // another read was quicker
		h.files.release(fresh)
		return h.object, nil
	}
	h.object = fresh
	h.files.release(damaged)
	return fresh, nil
}

// object is a verified object in use, shared by everyone who has it open.
type object struct {
	*cache.Object
	id    veriff.MediaID
	label *store.FileLabel
	from  Source // for those who had waited for it
	refs  int    // guarded by files.mu
}
