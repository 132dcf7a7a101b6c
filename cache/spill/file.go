package spill

import (
	"fmt"
	"io"
	"os"
)

// File holds the bytes of one object, in memory or in a file without a name.
type File struct {
	room *Room
	size int64 // about how large it will be; -1 if that is not known
	mem  []byte
	file *os.File
	took int64 // bytes that file may have
}

// New begins a file of about size bytes; -1 if that is not known.
func (r *Room) New(size int64) *File { return &File{room: r, size: size} }

// WriteAt is io.WriterAt. Gaps are filled with zeros.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	end := off + int64(len(p))
	if f.file == nil && f.grow(end) {
		return copy(f.mem[off:], p), nil
	}
	if err := f.takeFile(end); err != nil {
		return 0, err
	}
	if f.file == nil {
		if err := f.toFile(); err != nil {
			return 0, err
		}
	}
	return f.file.WriteAt(p, off)
}

// grow makes the memory at least size bytes long, if it may be.
func (f *File) grow(size int64) bool {
	if size <= int64(len(f.mem)) {
		return true
	}
	if size > int64(cap(f.mem)) {
		want := max(size, min(2*int64(cap(f.mem)), maxMemory))
		if want > maxMemory || !f.room.takeMemory(want-int64(cap(f.mem))) {
			return false
		}
		mem := make([]byte, len(f.mem), want)
		copy(mem, f.mem)
		f.mem = mem
	}
	f.mem = f.mem[:size]
	return true
}

// takeFile lets the file be size bytes long. It asks for all of them at once
// if it can, so that two large objects do not wait for each other.
func (f *File) takeFile(size int64) error {
	if size <= f.took {
		return nil
	}
	want := max(size, f.took+step)
	if f.size <= f.room.limit {
		want = max(want, f.size)
	}
	want = max(size, min(want, f.room.limit))
	if err := f.room.takeFile(f.took, want-f.took); err != nil {
		return err
	}
	f.took = want
	return nil
}

func (f *File) toFile() error {
	file, err := f.room.create(f.took)
	if err != nil {
		return fmt.Errorf("make a temporary file: %w", err)
	}
	if _, err := file.WriteAt(f.mem, 0); err != nil {
		file.Close()
		return fmt.Errorf("write a temporary file: %w", err)
	}
	f.freeMemory()
	f.file = file
	return nil
}

func (f *File) freeMemory() {
	f.room.give(int64(cap(f.mem)), 0)
	f.mem = nil
}

// ReadAt is io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if f.file != nil {
		return f.file.ReadAt(p, off)
	}
	if off >= int64(len(f.mem)) {
		return 0, io.EOF
	}
	n := copy(p, f.mem[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close forgets the bytes and gives the room back.
func (f *File) Close() error {
	f.freeMemory()
	var err error
	if f.file != nil {
		err = f.file.Close()
	}
	f.room.give(0, f.took)
	f.took = 0
	return err
}
