package logfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/accesslog"
)

// MaxLine bounds the line of a record, in bytes.
const MaxLine = 4 << 20

// ErrLongLine is a line that no record has.
var ErrLongLine = errors.New("a line is too long for a record")

// ReadLines calls each with every whole line of r, without its newline, and where it
// begins. It returns where the last whole line ends, and how many bytes follow.
func ReadLines(r io.Reader, begin int64, each func(line []byte, at int64) error) (end, torn int64, err error) {
	b := bufio.NewReaderSize(r, 16<<10)
	end = begin
	var long []byte
	for {
		piece, err := b.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, piece...); len(long) > 2*MaxLine {
				return end, 0, ErrLongLine
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

// SequenceOf returns the sequence number with which a line begins, or -1.
func SequenceOf(line []byte) int64 {
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

// Number appends to b a line that was made with the sequence number 0, with its own.
func Number(b, line []byte, sequence int64) []byte {
	b = append(b, sequencePrefix...)
	b = strconv.AppendInt(b, sequence, 10)
	return append(b, line[len(sequencePrefix)+1:]...)
}

// Stub is the line that takes the place of an erased record.
func Stub(sequence, erasure int64) []byte {
	line := append([]byte(nil), sequencePrefix...)
	line = strconv.AppendInt(line, sequence, 10)
	line = append(line, `,"erased_by":`...)
	line = strconv.AppendInt(line, erasure, 10)
	return append(line, '}')
}

// ParseStub returns the sequence number of the log-erase record that a stub names;
// ok is false if the line is not exactly a stub.
func ParseStub(line []byte) (erasure int64, ok bool) {
	var s struct {
		ErasedBy *int64 `json:"erased_by"`
	}
	if len(line) > 100 || json.Unmarshal(line, &s) != nil || s.ErasedBy == nil {
		return 0, false
	}
	return *s.ErasedBy, bytes.Equal(line, Stub(SequenceOf(line), *s.ErasedBy))
}

// ParseRecord reads a line.
func ParseRecord(line []byte) (accesslog.Record, error) {
	var r accesslog.Record
	err := json.Unmarshal(line, &r)
	return r, err
}

// FirstSequence returns the sequence number of the first line of a file, or -1.
func FirstSequence(path string) (int64, error) {
	first, _, err := SpanOf(path)
	return first, err
}

// SpanOf returns the sequence numbers of the first and the last whole line of a
// file; -1 if there is none.
func SpanOf(path string) (first, last int64, err error) {
	f, err := OpenRead(path)
	if err != nil {
		return -1, -1, err
	}
	defer f.Close()
	begin := make([]byte, 40)
	n, err := f.ReadAt(begin, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return -1, -1, err
	}
	line, err := LastLine(f)
	return SequenceOf(begin[:n]), SequenceOf(line), err
}

// LastLine returns the last whole line of a file, without its newline.
func LastLine(f *os.File) ([]byte, error) {
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
		if len(b) == 0 && at > 0 && window < 2*MaxLine {
			continue
		}
		if len(b) == 0 {
			return nil, nil
		}
		b = b[:len(b)-1]
		begin := bytes.LastIndexByte(b, '\n') + 1
		if begin > 0 || at == 0 || window >= 2*MaxLine {
			return b[begin:], nil
		}
	}
}

// Has reports whether a line is of one of these operations.
func Has(line []byte, operations ...accesslog.Operation) bool {
	for _, op := range operations {
		if bytes.Contains(line, []byte(`"op":"`+string(op)+`"`)) {
			return true
		}
	}
	return false
}

// RecordHash is the hash of a record in the tree: RFC 6962's of its line.
func RecordHash(line []byte) tlog.Hash { return tlog.RecordHash(line) }

// Choose reads a line if the filter chooses it.
func Choose(f *accesslog.Filter, line []byte) (*accesslog.Record, bool) {
	if len(f.Sessions) > 0 && !f.Mentions(line) { // most lines, quickly
		return nil, false
	}
	if _, erased := ParseStub(line); erased {
		return nil, false
	}
	r, err := ParseRecord(line)
	if err != nil {
		return nil, false
	}
	return &r, f.Match(&r)
}

// Weigh adds a line to what an erasure takes, and reports whether its record goes.
func Weigh(e *accesslog.Erasure, line []byte) (goes bool) {
	if Has(line, accesslog.OpLogErase) {
		if r, err := ParseRecord(line); err == nil {
			e.Begun(&r)
		}
	}
	r, named := Choose(&accesslog.Filter{Sessions: []string{e.Session}, Mentioned: true}, line)
	return named && e.Add(r)
}

// Range names a range without its end.
func Range(from, to int64) string {
	if to == from+1 {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d-%d", from, to-1)
}
