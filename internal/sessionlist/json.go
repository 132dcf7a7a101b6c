package sessionlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"veriffs/veriff"
)

const (
	maxValue = 1 << 20 // bytes of one value in a file; the elements of an array count one by one
	maxDepth = 16      // of arrays in arrays
)

var (
	errJSON     = errors.New("not valid JSON")
	errCut      = errors.New("a JSON value has no end")
	errTooDeep  = errors.New("JSON nested too deeply")
	errTooLarge = errors.New("a JSON value longer than 1 MiB")
)

// jsonText decodes the JSON text that begins on a line, and knows on which
// line each part of it is.
type jsonText struct {
	*json.Decoder
	in     *lines
	ln     line     // the last line that the decoder was given
	rest   []byte   // of that line, not given yet
	end    int64    // of that line, in the decoder's input
	starts []offset // of the lines from the current value on
	began  int64    // where the current value starts in the decoder's input
}

type offset struct {
	at  int64
	num int
}

func newJSONText(in *lines, ln line) *jsonText {
	t := &jsonText{in: in}
	t.Decoder = json.NewDecoder(t)
	t.give(ln)
	return t
}

func (t *jsonText) give(ln line) {
	t.starts = append(t.starts, offset{t.end, ln.num})
	t.ln, t.rest = ln, ln.text
	t.end += int64(len(ln.text))
}

// Read gives the decoder one line at most, so that the value that the decoder
// completes ends on t.ln.
func (t *jsonText) Read(b []byte) (int, error) {
	if len(t.rest) == 0 {
		if t.end-t.began > maxValue {
			return 0, errTooLarge
		}
		next, ok := t.in.next()
		if !ok {
			return 0, io.EOF
		}
		t.give(next)
	}
	n := copy(b, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

// next decodes the next value and returns the number of its first line.
func (t *jsonText) next(into *json.RawMessage) (line int, err error) {
	t.began = t.InputOffset()
	if err := t.Decode(into); err != nil {
		return 0, err
	}
	start := t.InputOffset() - int64(len(*into))
	for len(t.starts) > 1 && t.starts[1].at <= start {
		t.starts = t.starts[1:]
	}
	return t.starts[0].num, nil
}

// after returns what follows the last value on its last line.
func (t *jsonText) after() []byte {
	return bytes.TrimSpace(t.ln.text[t.InputOffset()-(t.end-int64(len(t.ln.text))):])
}

// json reads the JSON values that begin on the line.
func (p *parser) json(ln line) {
	if ln.last { // one value on one line is the usual case, and the fast one
		if body, err := DecodeBody(ln.text); err == nil {
			p.objects++
			p.add(entry{body.Session, ln.start, ln.end, true})
			return
		}
	}
	text := newJSONText(p.in, ln)
	rest := bytes.TrimSpace(ln.text)
	for shared := false; ; shared = true {
		from, array := text.ln, rest[0] == '['
		var single entry // known whole once it is known what else is on its lines
		var err error
		if array {
			err = p.array(text)
		} else {
			err = p.value(text, func(id veriff.SessionID) { single.id = id })
		}
		ln = text.ln
		if array || from.num != ln.num {
			p.documents++
		} else {
			p.objects++
		}
		if err != nil {
			p.badJSON(from, ln, err)
			return
		}
		rest = text.after()
		whole := len(rest) == 0 && ln.last // nothing else follows on the last line
		if !single.id.IsZero() {
			p.add(entry{single.id, from.start, ln.end, whole && !shared})
		}
		if whole {
			return
		}
		if len(rest) == 0 || rest[0] != '{' && rest[0] != '[' {
			p.complain(ln.num, "other text after a JSON value")
			p.in.skip(ln)
			return
		}
	}
}

// badJSON gives up a value that began on one line and went wrong on another.
func (p *parser) badJSON(from, at line, err error) {
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err, p.cut = errCut, true
	case !errors.Is(err, errTooLarge):
		err = errJSON
		if from.num != at.num && at.first {
			p.in.unread([]line{at}) // the next value, most likely
			at.last = true
		}
	}
	p.complain(from.num, err.Error())
	p.in.skip(at)
}

// array reads an array of any length, one value at a time.
func (p *parser) array(text *jsonText) error {
	if _, err := text.Token(); err != nil { // [
		return err
	}
	for text.More() {
		if err := p.value(text, func(id veriff.SessionID) { p.add(entry{id: id}) }); err != nil {
			return err
		}
	}
	_, err := text.Token() // ]
	return err
}

// value reads one value. An error means that the text can't be decoded any
// further; what is wrong with the value alone is only reported.
func (p *parser) value(text *jsonText, take func(veriff.SessionID)) error {
	line, err := text.next(&p.raw)
	if err != nil {
		return err
	}
	if err := decodeValue(p.raw, maxDepth, take); err != nil {
		p.complain(line, err.Error())
	}
	return nil
}

// decodeValue takes the sessions out of a JSON value of a file: a webhook's
// body, an id by itself, or an array of those. Other values say nothing.
func decodeValue(value json.RawMessage, depth int, take func(veriff.SessionID)) error {
	switch value[0] {
	case '{':
		body, err := DecodeBody(value)
		if err == nil {
			take(body.Session)
		}
		return err
	case '"':
		id, ok := parsePlain(string(value))
		if !ok {
			return ErrNoSession
		}
		take(id)
	case '[':
		var values []json.RawMessage
		if depth == 0 {
			return errTooDeep
		}
		if err := json.Unmarshal(value, &values); err != nil {
			return errJSON
		}
		var last error
		for _, v := range values {
			if err := decodeValue(v, depth-1, take); err != nil {
				last = err
			}
		}
		return last
	}
	return nil
}
