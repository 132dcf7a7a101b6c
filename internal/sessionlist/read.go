package sessionlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"veriffs/veriff"
)

var (
	// ErrNoIDs is returned for a file that has content but no session id, and so
	// is probably not a sessions file.
	ErrNoIDs = errors.New("no session id in it")
	// ErrNotText is returned for a file that is neither UTF-8 text nor UTF-16 text
	// with a byte order mark.
	ErrNotText = errors.New("neither UTF-8 text nor UTF-16 text with a byte order mark")
)

// Read reads session ids in any of the forms that the package comment describes,
// and returns them sorted, each once. It calls bad, which may be nil, for each
// line that can't be used, with its number, counted from 1, and the reason,
// which never quotes the line. After an error the stream says nothing about
// sessions: it could not be read, is not text (ErrNotText), or has content but
// no id (ErrNoIDs).
func Read(r io.Reader, bad func(line int, reason string)) ([]veriff.SessionID, error) {
	var ids []veriff.SessionID
	limit := 1 << 16
	p := parser{in: newLines(r, maxLine), bad: bad, found: func(e entry) {
		if len(ids) == limit { // memory is bounded by the number of ids, not of lines
			ids = sorted(ids)
			limit = max(limit, 2*len(ids))
		}
		ids = append(ids, e.id)
	}}
	err := p.run()
	if err != nil {
		return nil, err
	}
	return slices.Clip(sorted(ids)), nil
}

func sorted(ids []veriff.SessionID) []veriff.SessionID {
	slices.SortFunc(ids, veriff.SessionID.Compare)
	return slices.Compact(ids)
}

// notAnID is said of a line that is neither an id nor anything else.
const notAnID = "not a session id"

// entry is one session id and where the text that names it lies.
type entry struct {
	id         veriff.SessionID
	start, end int64
	alone      bool // the lines from start to end name this session alone
}

// parser reads one file. Each line may have another form.
type parser struct {
	in    *lines
	found func(entry)
	bad   func(line int, reason string)

	table     *table // once a line showed that it is one
	ids       int
	plain     int  // ids on lines of their own
	documents int  // JSON values of several lines, or arrays
	objects   int  // JSON values on lines of their own
	cut       bool // a JSON value has no end
	content   bool // there is more than comments
	alone     int  // each line before this one is read as a record by itself

	raw json.RawMessage // memory that is used again
}

func (p *parser) run() error {
	ln, ok := p.in.next()
	if ok && ln.num == 1 {
		if bytes.IndexByte(ln.text[:min(len(ln.text), 512)], 0) >= 0 {
			return ErrNotText
		}
		ln.text = bytes.TrimPrefix(ln.text, []byte("\xef\xbb\xbf"))
	}
	for ok {
		p.line(ln)
		ln, ok = p.in.next()
	}
	switch {
	case p.in.err != nil:
		return p.in.err
	case p.table != nil && p.table.column >= 0:
		return nil // a header alone is an empty table
	case p.content && p.ids == 0:
		return ErrNoIDs
	case p.table != nil && p.table.first > 0:
		p.complain(p.table.first, notAnID) // not a table after all
	}
	return nil
}

func (p *parser) line(ln line) {
	text := bytes.TrimSpace(ln.text)
	switch {
	case len(text) == 0 && ln.last, len(text) > 0 && text[0] == '#':
		p.in.skip(ln)
	case len(text) > 0 && (text[0] == '{' || text[0] == '['):
		p.json(ln)
	case !ln.last:
		p.in.skip(ln)
		p.complain(ln.num, "longer than 1 MiB")
	default:
		if id, ok := parsePlain(string(text)); ok { // in a table, too: somebody added it
			p.plain++
			p.add(entry{id, ln.start, ln.end, true})
			return
		}
		if p.table == nil {
			p.table = sniff(text)
		}
		if p.table == nil {
			p.complain(ln.num, notAnID)
			return
		}
		p.record(ln)
	}
}

func (p *parser) add(e entry) {
	p.content = true
	p.ids++
	p.found(e)
}

func (p *parser) complain(line int, reason string) {
	p.content = true
	if p.bad != nil {
		p.bad(line, reason)
	}
}

// parsePlain reads a line, or a field, that is an id: white space, quotes and
// a comment around it are taken off.
func parsePlain(text string) (veriff.SessionID, bool) {
	text, _, _ = strings.Cut(text, "#")
	id, err := veriff.ParseSessionID(unquote(strings.TrimSpace(text)))
	return id, err == nil
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
