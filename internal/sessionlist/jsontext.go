package sessionlist

import (
	"bytes"
	"encoding/json"
	"errors"
)

const (
	maxValue = 1 << 20 // bytes of one object in a file
	maxDepth = 256     // of arrays and objects within one another
)

var (
	errJSON     = errors.New("not valid JSON")
	errTooDeep  = errors.New("JSON nested too deeply")
	errTooLarge = errors.New("a JSON value longer than 1 MiB")
)

// expect is what may come next in a JSON text.
type expect byte

const (
	expectValue expect = iota
	expectFirst        // a value or the end of the array
	expectKey
	expectFirstKey // a key or the end of the object
	expectColon
	expectMore // a comma or the end of the array or object
)

// splitter finds the objects in a JSON text that arrives in pieces: the text
// itself, or the elements of an array of any length. It holds one object at a
// time, and sees a mistake on the line on which it is, so that one damaged
// value costs no other.
type splitter struct {
	found func(value []byte, err error)
	line  int // the line that the next piece belongs to
	began int // the line on which the current value began

	stack    []byte // the open brackets
	arrays   int    // how many of them, from the outside, are arrays around the values
	state    expect
	literal  []byte // a number, true, false or null that has begun
	inString bool
	escaped  bool
	value    []byte // the object or string that is being collected
	collect  bool
	tooLarge bool
}

// feed takes the next piece and returns how much of it belongs to the JSON
// text, and whether the text is complete.
func (s *splitter) feed(piece []byte) (n int, done bool, err error) {
	for i := 0; i < len(piece); i++ {
		c := piece[i]
		if s.inString {
			// The inside of strings is most of what there is: skip it at once.
			if plain := stringRun(piece[i:]); plain > 0 && !s.escaped {
				s.keep(piece[i : i+plain])
				i += plain - 1
				continue
			}
			if c < ' ' {
				return i, false, errJSON // a string never spans lines
			}
			s.keep(piece[i : i+1])
			switch {
			case s.escaped:
				s.escaped = false
			case c == '\\':
				s.escaped = true
			case c == '"':
				s.inString = false
				s.endString()
			}
			continue
		}
		if len(s.literal) > 0 {
			if isLiteral(c) {
				s.keep(piece[i : i+1])
				if s.literal = append(s.literal, c); len(s.literal) > 64 {
					return i, false, errJSON
				}
				continue
			}
			if !json.Valid(s.literal) {
				return i, false, errJSON
			}
			s.literal = s.literal[:0]
			s.state = expectMore
		}
		if err := s.token(c); err != nil {
			return i, false, err
		}
		if len(s.stack) == 0 {
			return i + 1, true, nil
		}
	}
	return len(piece), false, nil
}

// token takes one byte that is outside of strings and literals.
func (s *splitter) token(c byte) error {
	switch c {
	case ' ', '\t', '\r', '\n':
		s.keep([]byte{c})
		return nil
	}
	wantsValue := s.state == expectValue || s.state == expectFirst
	switch {
	case (c == '{' || c == '[') && wantsValue:
		return s.open(c)
	case c == '}' && (s.state == expectMore || s.state == expectFirstKey) && s.top() == '{',
		c == ']' && (s.state == expectMore || s.state == expectFirst) && s.top() == '[':
		s.close(c)
		return nil
	case c == ',' && s.state == expectMore && s.top() == '{':
		s.state = expectKey
	case c == ',' && s.state == expectMore && s.top() == '[':
		s.state = expectValue
	case c == ':' && s.state == expectColon:
		s.state = expectValue
	case c == '"' && (wantsValue || s.state == expectKey || s.state == expectFirstKey):
		if len(s.stack) == s.arrays {
			s.begin()
		}
		s.inString = true
	case isLiteral(c) && wantsValue && len(s.stack) > 0:
		s.literal = append(s.literal[:0], c)
	default:
		return errJSON
	}
	s.keep([]byte{c})
	return nil
}

func (s *splitter) open(c byte) error {
	if len(s.stack) == maxDepth {
		return errTooDeep
	}
	switch {
	case c == '[' && len(s.stack) == s.arrays:
		s.arrays++
	case len(s.stack) == s.arrays:
		s.begin()
	}
	s.stack = append(s.stack, c)
	s.keep([]byte{c})
	s.state = expectFirst
	if c == '{' {
		s.state = expectFirstKey
	}
	return nil
}

func (s *splitter) close(c byte) {
	s.keep([]byte{c})
	s.stack = s.stack[:len(s.stack)-1]
	s.state = expectMore
	switch {
	case len(s.stack) < s.arrays:
		s.arrays--
	case len(s.stack) == s.arrays:
		s.end()
	}
}

// endString ends a key, or a value that is a string.
func (s *splitter) endString() {
	if s.state == expectKey || s.state == expectFirstKey {
		s.state = expectColon
		return
	}
	s.state = expectMore
	if len(s.stack) == s.arrays {
		s.end()
	}
}

func (s *splitter) top() byte { return s.stack[len(s.stack)-1] }

func (s *splitter) begin() {
	s.value, s.collect, s.tooLarge, s.began = s.value[:0], true, false, s.line
}

func (s *splitter) keep(b []byte) {
	if !s.collect || s.tooLarge {
		return
	}
	if len(s.value)+len(b) > maxValue {
		s.tooLarge = true
		return
	}
	s.value = append(s.value, b...)
}

func (s *splitter) end() {
	s.collect = false
	if s.tooLarge {
		s.found(nil, errTooLarge)
		return
	}
	s.found(s.value, nil)
}

// stringRun is how many bytes from the start of b say nothing about where the
// string ends.
func stringRun(b []byte) int {
	if q := bytes.IndexByte(b, '"'); q >= 0 {
		b = b[:q]
	}
	for i, c := range b {
		if c == '\\' || c < ' ' {
			return i
		}
	}
	return len(b)
}

func isLiteral(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == 'E' || c == '-' || c == '+' || c == '.'
}
