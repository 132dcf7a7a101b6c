package accesslog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
)

// errLongLine is a line that no record has.
var errLongLine = errors.New("a line is too long for a record")

// readLines calls each with every whole line of r, without its newline, and where it
// begins. It returns where the last whole line ends, and how many bytes follow.
func readLines(r io.Reader, begin int64, each func(line []byte, at int64) error) (end, torn int64, err error) {
	b := bufio.NewReaderSize(r, 16<<10)
	end = begin
	var long []byte
	for {
		piece, err := b.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, piece...); len(long) > 2*maxLine {
				return end, 0, errLongLine
			}
			continue
		}
		line := piece
		if len(long) > 0 {
			line = append(long, piece...)
			long = nil
		}
		if errors.Is(err, io.EOF) {
			return end, int64(len(line)), nil
		}
		if err != nil {
			return end, 0, err
		}
		if err := each(line[:len(line)-1], end); err != nil {
			return end, 0, err
		}
		end += int64(len(line))
	}
}

// sequencePrefix is how each line begins, before its sequence number.
var sequencePrefix = []byte(`{"seq":`)

// sequenceOf returns the sequence number with which a line begins, or -1.
func sequenceOf(line []byte) int64 {
	rest, ok := bytes.CutPrefix(line, sequencePrefix)
	if !ok {
		return -1
	}
	end := bytes.IndexByte(rest, ',')
	if end < 1 || end > 18 || rest[0] == '+' || rest[0] == '-' {
		return -1
	}
	n, err := strconv.ParseInt(string(rest[:end]), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// stub is the line that takes the place of an erased record.
func stub(sequence, erasure int64) []byte {
	line := append([]byte(nil), sequencePrefix...)
	line = strconv.AppendInt(line, sequence, 10)
	line = append(line, `,"erased_by":`...)
	line = strconv.AppendInt(line, erasure, 10)
	return append(line, '}')
}

// parseStub returns the sequence number of the log-erase record that a stub names;
// ok is false if the line is not exactly a stub.
func parseStub(line []byte) (erasure int64, ok bool) {
	var s struct {
		ErasedBy *int64 `json:"erased_by"`
	}
	if len(line) > 100 || json.Unmarshal(line, &s) != nil || s.ErasedBy == nil {
		return 0, false
	}
	return *s.ErasedBy, bytes.Equal(line, stub(sequenceOf(line), *s.ErasedBy))
}

// parseRecord reads a line.
func parseRecord(line []byte) (Record, error) {
	var r Record
	err := json.Unmarshal(line, &r)
	return r, err
}

// firstSequence returns the sequence number of the first line of a file, or -1.
func firstSequence(path string) (int64, error) {
	first, _, err := spanOf(path)
	return first, err
}

// spanOf returns the sequence numbers of the first and the last whole line of a
// file; -1 if there is none.
func spanOf(path string) (first, last int64, err error) {
	f, err := openRead(path)
	if err != nil {
		return -1, -1, err
	}
	defer f.Close()
	begin := make([]byte, 40)
	n, err := f.ReadAt(begin, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return -1, -1, err
	}
	line, err := lastLine(f)
	return sequenceOf(begin[:n]), sequenceOf(line), err
}

// lastLine returns the last whole line of a file, without its newline.
func lastLine(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	for window := int64(4 << 10); ; window *= 8 {
		at := max(0, size-window)
		b := make([]byte, size-at)
		if _, err := f.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		b = b[:bytes.LastIndexByte(b, '\n')+1]
		if len(b) == 0 && at > 0 && window < 2*maxLine {
			continue
		}
		if len(b) == 0 {
			return nil, nil
		}
		b = b[:len(b)-1]
		begin := bytes.LastIndexByte(b, '\n') + 1
		if begin > 0 || at == 0 || window >= 2*maxLine {
			return b[begin:], nil
		}
	}
}
