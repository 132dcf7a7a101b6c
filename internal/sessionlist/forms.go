package sessionlist

import (
	"bytes"

	"veriffs/veriff"
)

// parsePlain reads a line, or a field, that is an id: white space, quotes and
// a comment around it are taken off.
func parsePlain(text []byte) (veriff.SessionID, bool) {
	if i := bytes.IndexByte(text, '#'); i >= 0 {
		text = text[:i]
	}
	id, err := veriff.ParseSessionID(string(unquote(bytes.TrimSpace(text))))
	return id, err == nil
}

func unquote(b []byte) []byte {
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		return b[1 : len(b)-1]
	}
	return b
}

// decodeValue takes the session out of a JSON value of a file: a webhook's
// body, or an id by itself.
func decodeValue(value []byte) (veriff.SessionID, error) {
	if len(value) > 0 && value[0] == '"' {
		if id, ok := parsePlain(value); ok {
			return id, nil
		}
		return veriff.SessionID{}, ErrNoSession
	}
	body, err := DecodeBody(value)
	return body.Session, err
}

// json reads the JSON values that start on the line.
func (p *parser) json(ln line) {
	from, rest := ln, ln.text // where the current value starts
	for shared := false; ; shared = true {
		array := bytes.TrimSpace(rest)[0] == '['
		var single entry // held back until it is known what else is on its lines
		s := splitter{line: ln.num, value: p.value[:0], stack: p.stack[:0]}
		s.found = func(value []byte, err error) {
			p.content = true
			var id veriff.SessionID
			if err == nil {
				id, err = decodeValue(value)
			}
			switch {
			case err != nil:
				p.complain(s.began, err.Error())
			case array:
				p.add(entry{id: id})
			default:
				single.id = id
			}
		}
		n, done, err := s.feed(rest)
		for err == nil && !done {
			next, ok := p.in.next()
			if !ok {
				err, p.cut = errCut, true
				break
			}
			ln, rest, s.line = next, next.text, next.num
			n, done, err = s.feed(rest)
		}
		p.value, p.stack = s.value, s.stack
		rest = bytes.TrimSpace(rest[n:])
		if array || from.num != ln.num {
			p.documents++
		} else {
			p.objects++
		}
		whole := len(rest) == 0 && ln.last // nothing else follows on the last line
		if !single.id.IsZero() {
			p.add(entry{single.id, from.start, ln.end, whole && !shared})
		}
		switch {
		case err != nil:
			p.complain(from.num, err.Error())
			if from.num != ln.num && ln.first && err != errCut {
				p.in.unread([]line{ln}) // the next value, most likely
				return
			}
			p.in.skip(ln)
			return
		case whole:
			return
		case len(rest) > 0 && (rest[0] == '{' || rest[0] == '['):
			from = ln
		default:
			p.complain(ln.num, "other text after a JSON value")
			p.in.skip(ln)
			return
		}
	}
}

// record reads the record of a table that starts on the line.
func (p *parser) record(ln line) {
	from, text := ln, ln.text
	open, err := p.table.leavesOpen(text, false)
	var more []line // copies of the record's further lines
	for open && err == nil {
		if more == nil {
			text = bytes.Clone(text) // the next line takes its place
		}
		next, ok := line{}, false
		if ln.num >= p.alone && len(text) <= maxLine {
			next, ok = p.in.next()
		}
		if !ok {
			err = errUnclosed
			break
		}
		next.text = bytes.Clone(next.text)
		more = append(more, next)
		ln, text = next, append(text, next.text...)
		if open, err = p.table.leavesOpen(next.text, true); !next.last {
			err = errUnclosed
		}
	}
	if err != nil {
		// A stray quote must not swallow what follows: the lines after it are
		// read again, each as a record by itself, so that none is read thrice.
		p.complain(from.num, err.Error())
		if len(more) > 0 {
			p.alone = max(p.alone, ln.num+1)
			p.in.unread(more)
		}
		return
	}
	p.fields = p.table.split(text, p.fields[:0])
	id, ok, reason := p.table.take(p.fields, from.num, p.ids == 0)
	switch {
	case ok:
		p.add(entry{id, from.start, ln.end, true})
	case reason != "":
		p.complain(from.num, reason)
	default:
		p.content = true
	}
}
