package cache

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
	"veriffs/cache/spill"
)

// sink takes the sealed bytes of one object: into a temporary file of the cache
// while the disk lets it, otherwise into a spill. If there is more than one
// batch, a goroutine writes them until finish.
type sink struct {
	c        *Cache
	st       *store
	secret   uint8   // that seals it
	dst      backing // nil once it was handed on or discarded
	temp     string  // dst is this file of st; "": a spill
	size     int64   // of the file, as Create was told; -1 if that is not known
	reserved int64   // bytes, in the index
	wrote    int64   // the end of what is written, the header's place included
	err      error

	queue  chan *seal.Batch // nil: no goroutine
	done   chan struct{}
	broken atomic.Bool // err is set
}

// newSink never fails: what the disk does not take is spilled.
func newSink(c *Cache, size int64) *sink {
	s := &sink{c: c, st: c.store.Load(), wrote: seal.HeaderSize, size: -1}
	if size >= 0 {
		s.size = seal.FileSize(size)
	}
	if err := s.openTemp(); err != nil {
		s.dst = c.spills.New(s.size)
	}
	return s
}

// openTemp reserves room and makes the temporary file.
func (s *sink) openTemp() error {
	if s.st.disk.Sick() {
		return errNoRoom
	}
	want := int64(reserveStep)
	if s.size >= 0 {
		want = s.st.dir.OnDisk(s.size, 0)
	}
	want += slack
	if err := s.st.reserve(want); err != nil {
		s.st.disk.Fault(err, false)
		return err
	}
	f, temp, err := s.st.dir.CreateTemp()
	if err != nil {
		s.st.index.Settle(want, 0)
		s.st.disk.Fault(err, false)
		return err
	}
	s.dst, s.temp, s.reserved = f, temp, want
	return nil
}

// add appends a batch and releases it. An object of one batch does not need
// the goroutine.
func (s *sink) add(b *seal.Batch) {
	if s.queue == nil && b.Full() {
		s.queue = make(chan *seal.Batch, 4)
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

func (s *sink) append(b *seal.Batch) {
	defer b.Release()
	if err := guard(func() error { return s.put(b.Bytes(), b.Offset()) }); err != nil {
		s.fail(err)
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
	if s.err == nil {
		s.err = err
	}
	s.broken.Store(true)
}

// put writes sealed bytes. If the disk does not take them, all that is there
// already moves to a spill, and the sink carries on.
func (s *sink) put(b []byte, off int64) error {
	if s.err != nil {
		return s.err
	}
	if s.temp != "" && s.putTemp(b, off) != nil {
		if err := s.spill(); err != nil {
			s.fail(err)
			return err
		}
	}
	if s.temp == "" {
		if _, err := s.dst.WriteAt(b, off); err != nil {
			s.fail(fmt.Errorf("cache: keep an object that the disk does not take: %w", err))
			return s.err
		}
	}
	s.wrote = max(s.wrote, off+int64(len(b)))
	return nil
}

func (s *sink) putTemp(b []byte, off int64) error {
	st := s.st
	if need := st.dir.OnDisk(off+int64(len(b)), 0) + slack; need > s.reserved {
		more := max(need-s.reserved, reserveStep)
		if err := st.reserve(more); err != nil {
			st.disk.Fault(err, false)
			return err
		}
		s.reserved += more
	}
	_, err := s.dst.WriteAt(b, off)
	if directory.OutOfSpace(err) && st.makeSpace(reserveStep) {
		_, err = s.dst.WriteAt(b, off)
	}
	st.disk.Fault(err, false)
	return err
}

// spill moves what is written from the cache's disk to memory or an unlinked
// file, and gives the disk its room back.
func (s *sink) spill() error {
	to, body := s.c.spills.New(s.size), s.wrote-seal.HeaderSize
	_, err := io.CopyN(io.NewOffsetWriter(to, seal.HeaderSize), io.NewSectionReader(s.dst, seal.HeaderSize, body), body)
	if err != nil {
		to.Close()
		return fmt.Errorf("cache: save an object from a failing disk: %w", err)
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
		_ = s.st.dir.Remove(s.temp) // or the next start does
		s.temp = ""
		s.st.index.Settle(s.reserved, 0)
	}
}

// ownSpill makes a file without a name on the cache's own disk, for about size
// bytes.
func (st *store) ownSpill(size int64) (*os.File, error) {
	d := st.dir
	if spill.DiskRoom(d.Path()) < size {
		return nil, errNoRoom
	}
	f, temp, err := d.CreateTemp()
	if err != nil {
		return nil, err
	}
	if err := d.Remove(temp); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
