package cache

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

const (
	// spillObject and spillTotal bound the memory, in bytes, that objects take
	// which are not on the cache's disk: one of them and all together. What is
	// larger goes to an unlinked temporary file.
	spillObject = 16 << 20
	spillTotal  = 64 << 20
)

// budget is the memory that spills take.
type budget struct{ used atomic.Int64 }

func (b *budget) take(n int64) bool {
	if b.used.Add(n) <= spillTotal {
		return true
	}
	b.used.Add(-n)
	return false
}

// spill holds the sealed bytes of an object that the cache's disk does not
// take, in memory or in a file that has no name. Its data key exists in
// memory alone.
type spill struct {
	budget  *budget
	tempDir string
	mem     []byte
	file    *os.File
}

// WriteAt appends: off is at most what is there already.
func (s *spill) WriteAt(p []byte, off int64) (int, error) {
	if s.file == nil && !s.grow(off+int64(len(p))) {
		if err := s.toFile(); err != nil {
			return 0, err
		}
	}
	if s.file != nil {
		return s.file.WriteAt(p, off)
	}
	return copy(s.mem[off:], p), nil
}

// grow makes the memory size bytes long and says whether it may be.
func (s *spill) grow(size int64) bool {
	if size <= int64(len(s.mem)) {
		return true
	}
	if size > int64(cap(s.mem)) {
		want := max(size, min(2*int64(cap(s.mem)), spillObject))
		more := want - int64(cap(s.mem))
		if want > spillObject || !s.budget.take(more) {
			return false
		}
		mem := make([]byte, len(s.mem), want)
		copy(mem, s.mem)
		s.mem = mem
	}
	s.mem = s.mem[:size]
	return true
}

func (s *spill) toFile() error {
	f, err := os.CreateTemp(s.tempDir, "veriffs-*")
	if err != nil {
		return fmt.Errorf("make a temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return fmt.Errorf("unlink a temporary file: %w", err)
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
	s.budget.used.Add(-int64(cap(s.mem)))
	s.mem = nil
}

func (s *spill) Close() error {
	if s.file != nil {
		return s.file.Close()
	}
	s.drop()
	return nil
}
