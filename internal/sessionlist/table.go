package sessionlist

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"veriffs/veriff"
)

var (
	errQuote    = errors.New("a quoted field is followed by other text")
	errUnclosed = errors.New("a quoted field has no end")
)

// table is what is known of a table. Its csv.Reader is given one line at a
// time and asks for the next one only if a quoted field goes on there.
type table struct {
	records *csv.Reader
	delim   byte
	column  int // of the session ids, counted from 0; -1 until it is known
	width   int // columns of the first record
	first   int // the line of a first record that may be a header; 0: none yet

	text []byte      // of the line
	rest []byte      // of it, not read yet
	more func() bool // gives the next line, if the record may have one
}

func newTable(delim byte) *table {
	t := &table{delim: delim, column: -1}
	t.records = t.reader(t)
	return t
}

func (t *table) reader(from io.Reader) *csv.Reader {
	r := csv.NewReader(from)
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = rune(t.delim), -1, true
	r.TrimLeadingSpace = t.delim != '\t' // which is space, too
	return r
}

// give sets the line to be read, without the blanks at its end: a csv.Reader
// takes none after a quote.
func (t *table) give(ln line) {
	t.text = append(append(t.text[:0], bytes.TrimRight(ln.text, " \r\n")...), '\n')
	t.rest = t.text
}

// Read implements io.Reader.
func (t *table) Read(b []byte) (int, error) {
	if len(t.rest) == 0 && !t.more() {
		return 0, io.EOF
	}
	n := copy(b, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

// record reads the record of a table that begins on the line.
func (p *parser) record(ln line) {
	t, from, size := p.table, ln, len(ln.text)
	var further []line // copies
	open := false      // the last line ends within a quoted field
	t.give(ln)
	t.more = func() (ok bool) {
		next, ok := line{}, false
		if ln.num >= p.alone && ln.last && size <= maxLine {
			next, ok = p.in.next()
		}
		if open = !ok; open {
			return false
		}
		next.text = bytes.Clone(next.text)
		further = append(further, next)
		ln, size = next, size+len(next.text)
		t.give(ln)
		return true
	}
	fields, err := t.records.Read()
	if errors.Is(err, csv.ErrBareQuote) && len(further) == 0 {
		// It stands for itself, but must not make a field go on in the next line.
		lazy := t.reader(bytes.NewReader(t.text))
		lazy.LazyQuotes = true
		fields, err = lazy.Read()
	}
	if err != nil || !ln.last {
		// A stray quote must not swallow what follows: the lines after it are
		// read again, each as a record by itself, so that none is read thrice.
		reason := errQuote
		if open || !ln.last {
			reason = errUnclosed
		}
		p.complain(from.num, reason.Error())
		if len(further) > 0 {
			p.alone = max(p.alone, ln.num+1)
			p.in.unread(further)
		}
		return
	}
	id, ok, reason := t.take(fields, from.num, p.ids == 0)
	switch {
	case ok:
		p.add(entry{id, from.start, ln.end, true})
	case reason != "":
		p.complain(from.num, reason)
	default:
		p.content = true
	}
}

// idColumns are names of the column that holds session ids, reduced to lower-case
// letters and digits, the most specific first.
var idColumns = []string{"sessionid", "veriffsessionid", "verificationsessionid", "verificationid", "veriffid", "id"}

// sniff returns the table that begins with the line, by the separator that is
// most frequent outside of quotes, or nil if the line is not a table's.
func sniff(text []byte) *table {
	best, delim, quoted := 0, byte(','), false
	var count [256]int
	for _, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',' || c == ';' || c == '\t':
			if count[c]++; count[c] > best {
				best, delim = count[c], c
			}
		}
	}
	if best == 0 && nameRank(unquote(string(text))) < 0 {
		return nil
	}
	return newTable(delim)
}

// take returns the session id of a record. A header, which only comes before any
// id, has neither an id nor a reason to complain.
func (t *table) take(fields []string, line int, header bool) (id veriff.SessionID, ok bool, reason string) {
	if t.column < 0 {
		t.width = max(t.width, len(fields))
		if t.column = headerColumn(fields); t.column >= 0 {
			t.width = len(fields)
			return id, false, ""
		}
		for i, field := range fields {
			if id, ok := parsePlain(field); ok {
				t.column = i
				return id, true, ""
			}
		}
		if header && t.first == 0 {
			t.first = line
			return id, false, ""
		}
		return id, false, "no session id in any column"
	}
	if t.column >= len(fields) {
		return id, false, "too few columns"
	}
	if id, ok = parsePlain(fields[t.column]); !ok {
		return id, false, "no session id in its column"
	}
	return id, true, ""
}

// headerColumn returns the column that is named like one of session ids, or -1.
func headerColumn(fields []string) int {
	column, best := -1, len(idColumns)
	for i, field := range fields {
		if rank := nameRank(field); rank >= 0 && rank < best {
			column, best = i, rank
		}
	}
	return column
}

// nameRank returns the place of a column's name in idColumns, ignoring case and
// punctuation, or -1.
func nameRank(name string) int {
	if len(name) > 64 {
		return -1
	}
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
	for i, known := range idColumns {
		if plain == known {
			return i
		}
	}
	return -1
}
