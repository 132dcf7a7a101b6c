package cache

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// spill holds the sealed bytes of an object that the cache's disk does not
// take, in memory or in a file that has no name. Its data key exists in
// memory alone.
type spill struct {
	c    *Cache
	size int64 // of the file, as far as known; a guess
	mem  []byte
	file *os.File
	took int64 // bytes that file may have
}

// newSpill begins a spill of about size bytes; -1 if that is not known.
func (c *Cache) newSpill(size int64) *spill { return &spill{c: c, size: size} }

// WriteAt appends: off is at most what is there already.
func (s *spill) WriteAt(p []byte, off int64) (int, error) {
	end := off + int64(len(p))
	if s.file == nil && s.grow(end) {
		return copy(s.mem[off:], p), nil
	}
	if err := s.takeFile(end); err != nil {
		return 0, err
	}
	if s.file == nil {
		if err := s.toFile(); err != nil {
			return 0, err
		}
	}
	return s.file.WriteAt(p, off)
}

// grow makes the memory size bytes long and says whether it may be.
func (s *spill) grow(size int64) bool {
	if size <= int64(len(s.mem)) {
		return true
	}
	if size > int64(cap(s.mem)) {
		want := max(size, min(2*int64(cap(s.mem)), spillObject))
		more := want - int64(cap(s.mem))
		if want > spillObject || !s.c.budget.takeMemory(more) {
			return false
		}
		mem := make([]byte, len(s.mem), want)
		copy(mem, s.mem)
		s.mem = mem
	}
	s.mem = s.mem[:size]
	return true
}

// takeFile lets the file be size bytes long. It asks for all of them at once
// if it can, so that two large objects do not wait for each other.
func (s *spill) takeFile(size int64) error {
	if size <= s.took {
		return nil
	}
	want := max(size, s.took+reserveStep)
	if s.size <= s.c.budget.limit {
		want = max(want, s.size)
	}
	want = max(size, min(want, s.c.budget.limit))
	if err := s.c.budget.takeFile(s.c.ctx, s.took, want-s.took); err != nil {
		return err
	}
	s.took = want
	return nil
}

func (s *spill) toFile() error {
	f, err := s.c.spillFile(s.took)
	if err != nil {
		return fmt.Errorf("make a temporary file: %w", err)
	}
	if _, err := f.WriteAt(s.mem, 0); err != nil {
		f.Close()
		return fmt.Errorf("write a temporary file: %w", err)
	}
	s.drop()
	s.file = f
	return nil
}

func (s *spill) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	if off >= int64(len(s.mem)) {
		return 0, io.EOF
	}
	n := copy(p, s.mem[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (s *spill) drop() {
	s.c.budget.give(int64(cap(s.mem)), 0)
	s.mem = nil
}

func (s *spill) Close() error {
	s.drop()
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	s.c.budget.give(0, s.took)
	s.took = 0
	return err
}

// spillFile makes a file without a name for about size bytes. The system's
// temporary directory is often in memory: then it is a last resort.
func (c *Cache) spillFile(size int64) (*os.File, error) {
	if c.opts.TempDir != "" {
		return unlinked(c.opts.TempDir)
	}
	for _, dir := range []string{os.TempDir(), "/var/tmp"} {
		if diskRoom(dir) < size {
			continue
		}
		if f, err := unlinked(dir); err == nil {
			return f, nil
		}
	}
	if d := c.dir.Load(); diskRoom(d.path) >= size {
		if f, err := c.ownUnlinked(d); err == nil {
			return f, nil
		}
	}
	return unlinked(os.TempDir())
}

func unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "veriffs-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// ownUnlinked does that in the cache's own directory.
func (c *Cache) ownUnlinked(d *directory) (*os.File, error) {
	name := filepath.Join(tempDir, "s"+strconv.FormatInt(c.temps.Add(1), 10))
	f, err := d.openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := d.root.Remove(name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// diskRoom is how many bytes there are for us on the disk of dir, none if it
// is in memory.
func diskRoom(dir string) int64 {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil || inMemory(&st) {
		return -1
	}
	return int64(st.Bavail) * int64(st.Bsize)
}
