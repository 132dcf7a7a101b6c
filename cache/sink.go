package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// reserveStep is how much room a writer asks for at a time when it was not
// told the size, or the wrong one.
const reserveStep = 1 << 20

// sink takes the sealed bytes of one object: into a temporary file of the cache
// while the disk lets it, otherwise into a spill. From the second batch on a
// goroutine of its own does that, until finish.
type sink struct {
	c        *Cache
	dst      backing    // nil once it was handed on or discarded
	dir      *directory // dst is the file temp of dir, unless temp is ""
	temp     string
	size     int64 // of the file, as Create was told; -1 if that is not known
	reserved int64 // bytes reserved in the index
	wrote    int64 // where the next chunk goes
	err      error

	queue  chan *batch // nil: no goroutine
	done   chan struct{}
	broken atomic.Bool // err is set
}

// batch is some sealed chunks that are written together: 256 KiB at a time
// cost a third less than 64 KiB do (measured on ext4).
type batch struct {
	nonce [nonceSize]byte // of the chunk that is being sealed
	size  int
	data  [4 * sealedChunk]byte
}

var batches = sync.Pool{New: func() any { return new(batch) }}

// newSink never fails: what the disk does not take is spilled.
func (c *Cache) newSink(size int64) *sink {
	s := &sink{c: c, wrote: headerSize, size: -1}
	if size >= 0 {
		s.size = fileSize(size)
	}
	if err := s.openTemp(); err != nil {
		s.dst = c.newSpill(s.size)
	}
	return s
}

// openTemp reserves room and makes the temporary file.
func (s *sink) openTemp() error {
	c := s.c
	if c.health.sick() {
		return errNoRoom
	}
	want := int64(reserveStep)
	if s.size >= 0 {
		want = c.onDisk(s.size, 0)
	}
	want += slack
	if err := c.reserve(want); err != nil {
		c.health.fault(err, false)
		return err
	}
	d := c.dir.Load()
	temp := tempDir + "/w" + strconv.FormatInt(c.temps.Add(1), 10)
	f, err := d.openFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		c.index.unreserve(want)
		c.health.fault(err, false)
		return err
	}
	s.dst, s.dir, s.temp, s.reserved = f, d, temp, want
	return nil
}

// add appends a batch, which it takes over. An object of one batch does not
// need the goroutine.
func (s *sink) add(b *batch) {
	if s.queue == nil && b.size == len(b.data) {
		s.queue = make(chan *batch, 4)
		s.done = make(chan struct{})
		go s.run()
	}
	if s.queue != nil {
		s.queue <- b
		return
	}
	s.append(b)
}

func (s *sink) run() {
	defer close(s.done)
	for b := range s.queue {
		s.append(b)
	}
}

func (s *sink) append(b *batch) {
	defer batches.Put(b)
	defer func() {
		if r := recover(); r != nil {
			s.fail(fmt.Errorf("cache: panic while writing: %v", r))
		}
	}()
	if s.put(b.data[:b.size], s.wrote) == nil {
		s.wrote += int64(b.size)
	}
}

// finish waits until everything that was added is written.
func (s *sink) finish() error {
	if s.queue != nil {
		close(s.queue)
		<-s.done
		s.queue = nil
	}
	return s.err
}

func (s *sink) fail(err error) {
	s.err = err
	s.broken.Store(true)
}

// put writes sealed bytes. When the disk does not take them, all that is
// there already moves to a spill, and the sink carries on.
func (s *sink) put(b []byte, off int64) error {
	if s.err != nil {
		return s.err
	}
	if s.temp != "" && s.putTemp(b, off) == nil {
		return nil
	}
	if s.temp != "" {
		if err := s.spill(); err != nil {
			s.fail(err)
			return err
		}
	}
	if _, err := s.dst.WriteAt(b, off); err != nil {
		s.fail(fmt.Errorf("cache: keep an object that the disk does not take: %w", err))
	}
	return s.err
}

func (s *sink) putTemp(b []byte, off int64) error {
	c := s.c
	if need := c.onDisk(off+int64(len(b)), 0) + slack; need > s.reserved {
		more := max(need-s.reserved, reserveStep)
		if err := c.reserve(more); err != nil {
			c.health.fault(err, false)
			return err
		}
		s.reserved += more
	}
	_, err := s.dst.WriteAt(b, off)
	if outOfSpace(err) && c.makeSpace(reserveStep) {
		_, err = s.dst.WriteAt(b, off)
	}
	c.health.fault(err, false)
	return err
}

// spill moves what is written from the cache's disk to memory or an unlinked
// file, and gives the disk its room back.
func (s *sink) spill() error {
	to := s.c.newSpill(s.size)
	buf := takeBuffer()
	defer buffers.Put(buf)
	for off := int64(headerSize); off < s.wrote; {
		b := buf.chunk[:min(sealedChunk, s.wrote-off)]
		n, err := s.dst.ReadAt(b, off)
		if n == len(b) {
			_, err = to.WriteAt(b, off)
		}
		if err != nil {
			to.Close()
			return fmt.Errorf("cache: save an object from a failing disk: %w", err)
		}
		off += int64(n)
	}
	s.discard()
	s.dst = to
	return nil
}

// discard gives up what was written, unless it was handed on.
func (s *sink) discard() {
	if s.dst == nil {
		return
	}
	s.dst.Close()
	s.dst = nil
	if s.temp != "" {
		_ = s.dir.root.Remove(s.temp) // or the next start sweeps it
		s.temp = ""
		s.c.index.unreserve(s.reserved)
	}
}

// publish renames the temporary file into place and hands it on to be read.
// If that fails, or for a spill, what is handed on is all there is of it.
func (s *sink) publish(k Key, n name, stored time.Time) (backing, *held) {
	src := s.dst
	s.dst = nil
	if s.temp == "" {
		return src, nil
	}
	c, secret := s.c, s.c.secrets[0]
	e, _, err := c.stat(src.(*os.File), 0)
	if err != nil {
		e.size = s.reserved
	}
	e.stored, e.used = stored.Unix(), stored.Unix()
	at := unix.NsecToTimeval(stored.UnixNano())
	_ = unix.Futimes(int(src.(*os.File).Fd()), []unix.Timeval{at, at})

	busy := c.index.claim(n, diskPatience)
	if err == nil {
		err = busy
	}
	if err == nil {
		err = s.rename(secret, n)
	}
	// What the directories grew by is covered by the reservation until here.
	c.measure(s.dir, tempDir)
	c.measure(s.dir, secret.shard(n))
	var h *held
	if err != nil {
		_ = s.dir.root.Remove(s.temp)
		h = c.index.adopt(e, s.reserved)
	} else {
		h = c.index.publish(n, e, s.reserved)
	}
	if busy == nil {
		c.index.unclaim(n)
	}
	if err != nil {
		c.health.fault(err, false)
	} else {
		c.supersede(k, n)
	}
	return src, h
}

func (s *sink) rename(secret *secret, n name) error {
	if s.dir != s.c.dir.Load() || s.c.ctx.Err() != nil {
		return errNoRoom // the directory was replaced or closed meanwhile
	}
	err := s.dir.root.Rename(s.temp, secret.path(n))
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.dir.root.MkdirAll(secret.shard(n), 0o700); err != nil {
			return err
		}
		s.c.measure(s.dir, secret.dir)
		err = s.dir.root.Rename(s.temp, secret.path(n))
	}
	return err
}

// supersede removes what an object replaces that is sealed with an older
// secret, and takes its pin over.
func (c *Cache) supersede(k Key, n name) {
	if c.pinned(k) && !c.index.isPinned(n) {
		_ = c.Pin(k)
	}
	for i, s := range c.secrets[1:] {
		old := s.name(k)
		if _, known, loading := c.index.lookup(old); known || loading {
			_ = c.unlink(uint8(i+1), old, 0)
		}
	}
}
