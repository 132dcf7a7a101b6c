package sessionlist

import (
	"bufio"
	"errors"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
)

// maxLine is the longest line, in bytes, of a plain list or a table: as long as
// the largest webhook body. JSON is limited by value, not by line.
const maxLine = 1 << 20

// line is one line of a file, or the next part of one that is longer than the
// reader's buffer. Its text is valid until the next call of next.
type line struct {
	num        int   // counted from 1
	start, end int64 // offsets in bytes, the end of line included
	text       []byte
	first      bool // starts at the beginning of the line
	last       bool // ends with the line
}

// lines reads a stream line by line, in the memory of one buffer.
type lines struct {
	in     *bufio.Reader
	wide   encoding.Encoding // UTF-16 of either order; nil: UTF-8
	num    int
	offset int64  // in the stream as it is, not as it is decoded
	inside bool   // the last part did not end its line
	queue  []line // lines to be read again
	err    error

	newline bool // the last line has an end
	crlf    bool // the last line that has one ends in \r\n
}

func newLines(r io.Reader, size int) *lines {
	l := &lines{in: bufio.NewReaderSize(r, size)}
	mark, err := l.in.Peek(2)
	if err != nil && err != io.EOF {
		l.err = err
		return l
	}
	switch string(mark) {
	case "\xff\xfe":
		l.wide = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "\xfe\xff":
		l.wide = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	default:
		return l
	}
	n, _ := l.in.Discard(len(mark))
	l.offset = int64(n)
	l.in = bufio.NewReaderSize(l.wide.NewDecoder().Reader(l.in), size)
	return l
}

// sizeOf returns how many bytes of the stream a piece of text was. This holds
// for what can't be decoded, too: two bytes become one replacement character.
func (l *lines) sizeOf(text []byte) int64 {
	if l.wide == nil {
		return int64(len(text))
	}
	units := 0
	for _, b := range text { // which may end within a character
		if b < 0x80 || b >= 0xc0 {
			units++
		}
		if b >= 0xf0 {
			units++ // a pair of surrogates
		}
	}
	return 2 * int64(units)
}

// next returns the next line or part of one, and false at the end of the
// stream or when reading failed, which l.err then tells.
func (l *lines) next() (line, bool) {
	if len(l.queue) > 0 {
		again := l.queue[0]
		l.queue = l.queue[1:]
		return again, true
	}
	if l.err != nil {
		return line{}, false
	}
	text, err := l.in.ReadSlice('\n')
	full := errors.Is(err, bufio.ErrBufferFull)
	if err != nil && !full && err != io.EOF {
		l.err = err
		return line{}, false // what was read of the line may be half of it
	}
	if len(text) == 0 {
		return line{}, false
	}
	next := line{text: text, first: !l.inside, last: !full, start: l.offset}
	l.offset += l.sizeOf(text)
	next.end = l.offset
	if next.first {
		l.num++
	}
	next.num = l.num
	l.inside = full
	if l.newline = text[len(text)-1] == '\n'; l.newline {
		l.crlf = len(text) > 1 && text[len(text)-2] == '\r'
	}
	return next, true
}

// skip drops the rest of the line that ln is a part of and returns the offset of
// its end.
func (l *lines) skip(ln line) int64 {
	for !ln.last {
		rest, ok := l.next()
		if !ok {
			break
		}
		ln = rest
	}
	return ln.end
}

// unread puts lines back. Their text must be a copy.
func (l *lines) unread(again []line) { l.queue = append(again, l.queue...) }
