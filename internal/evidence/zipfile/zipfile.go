// Package zipfile tells whether a file is a zip and nothing else.
//
// Promises: what [Whole] accepts has no byte before the archive or after it. Not
// promised: that the archive can be read, which archive/zip tells. The package holds no
// state.
package zipfile

import (
	"encoding/binary"
	"io"
)

// Sizes of what ends a zip, in bytes, and the fields in it (APPNOTE 4.3.14 to 4.3.16).
const (
	endSize       = 22
	endSize64     = 56
	locatorSize   = 20
	endSignature  = 0x06054b50
	end64Sign     = 0x06064b50
	elsewhere     = 1<<32 - 1 // the field is in the 64-bit record
	directorySize = 12        // offset in the end record; the directory's offset follows it
)

// magic begins a zip with entries.
const magic = "PK\x03\x04"

// Whole reports whether a zip takes up all of a file of so many bytes: its offsets count
// from the first one, and it ends with the last one, without a comment.
func Whole(r io.ReaderAt, size int64) bool {
	var first [4]byte
	end := make([]byte, endSize)
	if _, err := r.ReadAt(first[:], 0); err != nil || string(first[:]) != magic {
		return false
	}
	if _, err := r.ReadAt(end, size-endSize); err != nil && err != io.EOF || binary.LittleEndian.Uint32(end) != endSignature {
		return false
	}
	length := uint64(binary.LittleEndian.Uint32(end[directorySize:]))
	offset := uint64(binary.LittleEndian.Uint32(end[directorySize+4:]))
	before := size - endSize
	if length == elsewhere || offset == elsewhere || binary.LittleEndian.Uint16(end[10:]) == 1<<16-1 {
		before -= locatorSize + endSize64
		end64 := make([]byte, endSize64)
		if before < 0 {
			return false
		}
		if _, err := r.ReadAt(end64, before); err != nil || binary.LittleEndian.Uint32(end64) != end64Sign {
			return false
		}
		length, offset = binary.LittleEndian.Uint64(end64[40:]), binary.LittleEndian.Uint64(end64[48:])
	}
	return length <= uint64(before) && offset == uint64(before)-length
}
