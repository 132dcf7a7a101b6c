package cache

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// reserveStep is how much room a writer asks for at a time when it was not
// told the size.
const reserveStep = 1 << 20

// Writer seals one object. End it with Commit or Abort; Abort after Commit
// does nothing, so it can be deferred.
type Writer struct {
	c       *Cache
	key     Key
	name    name
	dataKey [keySize]byte
	aead    cipher.AEAD

	plain  *[sealedChunk]byte // the chunk that is being filled
	filled int
	sealed *[sealedChunk]byte
	length int64 // bytes written to the Writer
	chunks int64 // of them, sealed

	dst      backing
	dir      *directory // with temp: dst is this file of dir; "" once it is not
	temp     string
	reserved int64 // bytes reserved in the index
	wrote    int64 // size of the sealed bytes in dst

	err  error
	done bool
}

// Create starts an object of size bytes, -1 if that is not known. A size that
// turns out wrong does no harm. The object becomes visible with Commit. Only
// a key that is too long or empty, or a closed cache, is an error.
func (c *Cache) Create(k Key, size int64) (*Writer, error) {
	if len(k) == 0 || len(k) > MaxKey {
		return nil, fmt.Errorf("cache: a key of %d bytes; 1 to %d are allowed", len(k), MaxKey)
	}
	if c.ctx.Err() != nil {
		return nil, errors.New("cache: closed")
	}
	w := &Writer{c: c, key: k, name: c.secrets[0].name(k), wrote: headerSize}
	if _, err := io.ReadFull(c.rand, w.dataKey[:]); err != nil {
		return nil, fmt.Errorf("cache: make a key: %w", err)
	}
	var err error
	if w.aead, err = newAEAD(w.dataKey[:]); err != nil {
		return nil, fmt.Errorf("cache: make a cipher: %w", err)
	}
	w.plain = buffers.Get().(*[sealedChunk]byte)
	w.sealed = buffers.Get().(*[sealedChunk]byte)
	if err := w.openTemp(size); err != nil {
		w.dst = c.newSpill()
	}
	return w, nil
}

func (c *Cache) newSpill() *spill {
	return &spill{budget: &c.budget, tempDir: c.opts.TempDir}
}

// openTemp reserves room and makes the temporary file.
func (w *Writer) openTemp(size int64) error {
	c := w.c
	if c.health.sick() {
		return errNoRoom
	}
	want := int64(reserveStep)
	if size >= 0 {
		want = c.onDisk(fileSize(size), 0)
	}
	want += slack
	if err := c.reserve(want); err != nil {
		c.health.fault(err, false)
		return err
	}
	d := c.dir.Load()
	temp := tempDir + "/w" + strconv.FormatInt(c.temps.Add(1), 10)
	f, err := d.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		c.index.unreserve(want)
		c.health.fault(err, false)
		return err
	}
	w.dst, w.dir, w.temp, w.reserved = f, d, temp, want
	return nil
}

// Write seals p. It fails only if neither the disk nor memory nor the
// system's temporary directory takes the bytes; then fetch again.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.done {
		return 0, errors.New("cache: write after the end")
	}
	if w.err != nil {
		return 0, w.err
	}
	for len(p) > 0 {
		// A full chunk is sealed only when more follows: the last is marked as such.
		if w.filled == chunkSize {
			w.seal(w.plain[:chunkSize], false)
			w.filled = 0
		}
		if w.filled == 0 && len(p) > chunkSize {
			w.seal(p[:chunkSize], false)
			p, n = p[chunkSize:], n+chunkSize
		} else {
			got := copy(w.plain[w.filled:chunkSize], p)
			w.filled += got
			p, n = p[got:], n+got
		}
		if w.err != nil {
			return n, w.err
		}
	}
	w.length += int64(n)
	return n, nil
}

func (w *Writer) seal(plain []byte, last bool) {
	nonce := chunkNonce(w.chunks, last)
	w.put(w.aead.Seal(w.sealed[:0], nonce[:], plain, nil), w.wrote)
	w.chunks++
	w.wrote += int64(len(plain)) + tagSize
}

// put writes sealed bytes. When the disk does not take them, all that is
// there already moves to a spill, and the writer carries on.
func (w *Writer) put(b []byte, off int64) {
	if w.err != nil {
		return
	}
	if w.temp != "" {
		err := w.putTemp(b, off)
		if err == nil {
			return
		}
		if w.err = w.spill(); w.err != nil {
			return
		}
	}
	if _, err := w.dst.WriteAt(b, off); err != nil {
		w.err = fmt.Errorf("cache: keep an object that the disk does not take: %w", err)
	}
}

func (w *Writer) putTemp(b []byte, off int64) error {
	c := w.c
	if need := c.onDisk(off+int64(len(b)), 0) + slack; need > w.reserved {
		more := max(need-w.reserved, reserveStep)
		if err := c.reserve(more); err != nil {
			c.health.fault(err, false)
			return err
		}
		w.reserved += more
	}
	_, err := w.dst.WriteAt(b, off)
	if outOfSpace(err) && c.makeSpace(reserveStep) {
		_, err = w.dst.WriteAt(b, off)
	}
	c.health.fault(err, false)
	return err
}

// spill moves what is written from the cache's disk to memory or an unlinked
// file, and gives the disk its room back.
func (w *Writer) spill() error {
	to := w.c.newSpill()
	buf := buffers.Get().(*[sealedChunk]byte)
	defer buffers.Put(buf)
	for off := int64(headerSize); off < w.wrote; {
		b := buf[:min(sealedChunk, w.wrote-off)]
		n, err := w.dst.ReadAt(b, off)
		if n == len(b) {
			_, err = to.WriteAt(b, off)
		}
		if err != nil {
			to.Close()
			return fmt.Errorf("cache: save an object from a failing disk: %w", err)
		}
		off += int64(n)
	}
	w.dropTemp()
	w.dst = to
	return nil
}

// dropTemp closes and removes the temporary file, if there is one still.
func (w *Writer) dropTemp() {
	if w.temp == "" {
		return
	}
	w.dst.Close()
	_ = w.dir.root.Remove(w.temp) // or the next start sweeps it
	w.temp = ""
	w.c.index.unreserve(w.reserved)
	w.reserved = 0
}

// Commit publishes the object under its key, in place of an older one, and
// returns it open for reading; close it. The label, up to MaxLabel bytes, is
// kept sealed with it. If the disk does not take the object, the returned one
// is all there is of it.
func (w *Writer) Commit(label []byte) (*Object, error) {
	if w.done {
		return nil, errors.New("cache: commit after the end")
	}
	if len(label) > MaxLabel {
		return nil, fmt.Errorf("cache: a label of %d bytes; up to %d are allowed", len(label), MaxLabel)
	}
	if w.filled > 0 && w.err == nil {
		w.seal(w.plain[:w.filled], true)
	}
	h := &header{dataKey: w.dataKey, length: w.length, stored: w.c.now(), key: w.key, label: bytes.Clone(label)}
	if err := w.writeHeader(h); err != nil {
		w.Abort()
		return nil, err
	}
	o := &Object{c: w.c, src: w.dst, aead: w.aead, length: h.length, stored: h.stored, label: h.label, name: w.name}
	if w.temp != "" {
		w.publish(o)
	}
	w.end()
	return o, nil
}

func (w *Writer) writeHeader(h *header) error {
	var salt [saltSize]byte
	if _, err := io.ReadFull(w.c.rand, salt[:]); err != nil {
		return fmt.Errorf("cache: make a salt: %w", err)
	}
	b, err := sealHeader(h, w.c.secrets[0], w.name, salt)
	if err != nil {
		return fmt.Errorf("cache: seal: %w", err)
	}
	w.put(b, 0)
	return w.err
}

// publish renames the temporary file into place. If that fails, the file is
// unlinked and o alone reads it.
func (w *Writer) publish(o *Object) {
	c, f := w.c, w.dst.(*os.File)
	e, _, err := c.stat(f, 0)
	if err != nil {
		// Count what was reserved; the inode is not needed without a name.
		c.health.fault(err, false)
		e.size = w.reserved
	}
	e.stored, e.used = o.stored.Unix(), o.stored.Unix()
	_ = w.dir.root.Chtimes(w.temp, o.stored, o.stored)

	c.index.claim(w.name)
	if err == nil {
		err = w.rename()
	}
	if err != nil {
		_ = w.dir.root.Remove(w.temp)
		o.held = c.index.adopt(e, w.reserved)
	} else {
		o.held = c.index.publish(w.name, e, w.reserved)
	}
	w.reserved = 0
	c.index.unclaim(w.name)
	if err != nil {
		c.health.fault(err, false)
		return
	}
	s := c.secrets[0]
	c.measure(w.dir, s.dir)
	c.measure(w.dir, s.shard(w.name))
	if c.pinned(w.key) && !c.index.isPinned(w.name) {
		_ = c.Pin(w.key) // it was pinned under an older secret's name
	}
	for i, s := range c.secrets[1:] {
		_ = c.unlink(uint8(i+1), s.name(w.key), 0) // what this one replaces
	}
}

func (w *Writer) rename() error {
	c, s := w.c, w.c.secrets[0]
	if w.dir != c.dir.Load() || c.ctx.Err() != nil {
		return errNoRoom // the directory was replaced or closed meanwhile
	}
	err := w.dir.root.Rename(w.temp, s.path(w.name))
	if errors.Is(err, fs.ErrNotExist) {
		if err := w.dir.root.MkdirAll(s.shard(w.name), 0o700); err != nil {
			return err
		}
		err = w.dir.root.Rename(w.temp, s.path(w.name))
	}
	return err
}

// Abort gives the object up. It does nothing after Commit.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	if w.temp != "" {
		w.dropTemp()
	} else {
		w.dst.Close()
	}
	w.end()
}

func (w *Writer) end() {
	w.done = true
	clear(w.plain[:])
	buffers.Put(w.plain)
	buffers.Put(w.sealed)
	clear(w.dataKey[:])
	w.plain, w.sealed, w.dst = nil, nil, nil
}
