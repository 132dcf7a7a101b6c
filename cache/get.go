package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var (
	errMiss    = errors.New("not in the cache")
	errExpired = errors.New("past its age")
	errRaced   = errors.New("replaced while it was being opened")
	errNotFile = errors.New("not a regular file")
)

// Get opens the object of this key. Whatever keeps it from being opened is a
// miss: not there, too old, damaged, or a disk that does not answer.
func (c *Cache) Get(k Key) (*Object, bool) {
	for i, s := range c.secrets {
		n := s.name(k)
		var o *Object
		err := errRaced
		for try := 0; try < 3 && errors.Is(err, errRaced); try++ {
			o, err = c.openObject(uint8(i), n)
		}
		if err == nil {
			c.hits.Add(1)
			return o, true
		}
	}
	c.misses.Add(1)
	return nil, false
}

// openObject opens the file of a name and its header.
func (c *Cache) openObject(si uint8, n name) (*Object, error) {
	_, known, loading := c.index.lookup(n)
	if !known && !loading || c.health.unreadable() {
		return nil, errMiss
	}
	s, d := c.secrets[si], c.dir.Load()
	// Without O_NONBLOCK a pipe of this name would block us.
	f, err := d.openFile(s.path(n), os.O_RDONLY|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if known {
			c.forget(n)
		}
		return nil, errMiss
	case err != nil:
		if info, lerr := d.root.Lstat(s.path(n)); lerr == nil && !info.Mode().IsRegular() {
			c.discard(si, n, 0, errNotFile)
		} else {
			c.health.fault(err, true)
		}
		return nil, errMiss
	}
	o, err := c.openFile(f, si, n)
	if err != nil {
		f.Close()
		return nil, err
	}
	return o, nil
}

func (c *Cache) openFile(f *os.File, si uint8, n name) (*Object, error) {
	e, size, err := c.stat(f, si)
	switch {
	case errors.Is(err, errNotFile):
		c.discard(si, n, 0, err)
		return nil, errMiss
	case err != nil:
		c.health.fault(err, true)
		return nil, errMiss
	}
	h, err := readHeader(f, c.secrets[si], n, size)
	switch {
	case errors.Is(err, errSeal):
		c.discard(si, n, e.ino, err)
		return nil, errMiss
	case err != nil:
		c.health.fault(err, true)
		return nil, errMiss
	}
	now := c.now()
	if c.left(h.stored, now) <= 0 {
		if c.erasable(h.stored, now) {
			c.expire(si, n, e.ino)
		}
		return nil, errExpired
	}
	aead, err := newAEAD(h.dataKey[:])
	if err != nil {
		return nil, err
	}
	held, touch := c.index.hold(n, e, now)
	if held == nil {
		return nil, errRaced
	}
	if touch {
		// The LRU order of the next start. If it fails, the order is a bit older.
		_ = c.dir.Load().root.Chtimes(c.secrets[si].path(n), now, time.Time{})
	}
	return &Object{c: c, src: f, aead: aead, length: h.length, stored: h.stored, label: h.label, name: n, secret: si, held: held}, nil
}

func readHeader(r io.ReaderAt, s *secret, n name, size int64) (*header, error) {
	var b [headerSize]byte
	if got, err := r.ReadAt(b[:], 0); got < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = errSeal
		}
		return nil, err
	}
	return openHeader(b[:], s, n, size)
}

// stat returns what the index keeps of an open file, and the file's size.
func (c *Cache) stat(f *os.File, si uint8) (e entry, size int64, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return e, 0, fmt.Errorf("stat object: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return e, 0, errNotFile
	}
	return c.entryOf(&st, si), st.Size, nil
}

func (c *Cache) entryOf(st *unix.Stat_t, si uint8) entry {
	return entry{
		size:   c.onDisk(st.Size, st.Blocks),
		ino:    st.Ino,
		stored: int64(st.Mtim.Sec),
		used:   int64(st.Atim.Sec),
		secret: si,
	}
}

// onDisk is what a file of this size and number of 512-byte blocks counts. A
// file system that allocates late may show fewer blocks than there will be, and
// the extents of a long file take a block of their own.
func (c *Cache) onDisk(size, blocks int64) int64 {
	n := (size + c.block - 1) / c.block * c.block
	if size > 1<<20 {
		n += c.block
	}
	return max(n, blocks*512)
}

// forget drops a name whose file somebody else removed.
func (c *Cache) forget(n name) {
	if c.index.claim(n, diskPatience) != nil {
		return
	}
	defer c.index.unclaim(n)
	e, ok := c.index.peek(n)
	if !ok {
		return
	}
	if _, err := c.dir.Load().root.Lstat(c.secrets[e.secret].path(n)); errors.Is(err, fs.ErrNotExist) {
		c.index.drop(n)
	}
}

// discard deletes a damaged object, if the file of its name is still the one
// with this inode (0: any). It counts and logs the first to notice; the others
// and a failure get an error.
func (c *Cache) discard(si uint8, n name, ino uint64, why error) error {
	if err := c.unlink(si, n, ino); err != nil {
		return err
	}
	c.damaged.Add(1)
	c.log.Warn("cache: damaged object deleted", slog.String("object", n.String()), slog.Any("err", why))
	return nil
}

// unlink removes the file of a name, if it has this inode (0: any), and
// forgets it. It returns an error if there was nothing to remove or it failed;
// in either case the object can't be had afterwards, unless another one took
// its place (errRaced) or is about to (errBusy).
func (c *Cache) unlink(si uint8, n name, ino uint64) error {
	if err := c.index.claim(n, erasePatience); err != nil {
		return err
	}
	defer c.index.unclaim(n)
	if e, ok := c.index.peek(n); ok && ino != 0 && e.ino != ino {
		return errRaced
	}
	d, path := c.dir.Load(), c.secrets[si].path(n)
	if ino != 0 {
		info, err := d.root.Lstat(path)
		if err == nil && inode(info) != ino {
			return errRaced
		}
	}
	err := d.root.Remove(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.index.lose(n)
		c.health.fault(err, false)
		return err
	}
	c.index.drop(n)
	return err
}

func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// Has reports whether the index has an object of this key, without looking at
// the disk. While the index is loading it may not know of one that is there.
func (c *Cache) Has(k Key) bool {
	for _, s := range c.secrets {
		if _, known, _ := c.index.lookup(s.name(k)); known {
			return true
		}
	}
	return false
}
