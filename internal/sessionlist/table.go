package sessionlist

import (
	"bytes"
	"strings"

	"veriffs/veriff"
)

// table is what is known of a CSV file's form.
type table struct {
	delim  byte
	column int // of the session ids, counted from 0; -1 until it is known
	width  int // columns of the first record
	first  int // the line of a first record that may be a header; 0: none yet
}

// idColumns are the names, letters and digits alone and in lower case, of the
// column that holds session ids, the more telling first.
var idColumns = []string{"sessionid", "veriffsessionid", "verificationsessionid", "verificationid", "veriffid", "id"}

// sniff tells from the first line whether it is a table's, and which
// character parts its columns. It returns nil if it is none.
func sniff(text []byte) *table {
	t := &table{delim: ',', column: -1}
	best, quoted := 0, false
	var count [256]int
	for _, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',' || c == ';' || c == '\t':
			if count[c]++; count[c] > best {
				best, t.delim = count[c], c
			}
		}
	}
	if best == 0 && nameRank(unquote(text)) < 0 {
		return nil
	}
	return t
}

// leavesOpen reads one line of a record, which starts within a quoted field
// if open, and reports whether it ends within one. It is an error if a quoted
// field is followed by something else than the next field.
func (t *table) leavesOpen(text []byte, open bool) (bool, error) {
	for {
		if !open {
			text = t.trim(text)
			if len(text) == 0 || text[0] != '"' {
				i := bytes.IndexByte(text, t.delim)
				if i < 0 {
					return false, nil
				}
				text = text[i+1:]
				continue
			}
			text = text[1:]
		}
		end := quoteEnd(text)
		if end < 0 {
			return true, nil
		}
		open = false
		switch text = t.trim(text[end+1:]); {
		case len(text) == 0 || text[0] == '\r' || text[0] == '\n':
			return false, nil
		case text[0] != t.delim:
			return false, errQuote
		}
		text = text[1:]
	}
}

// split parts a whole record into its fields, quotes taken off.
func (t *table) split(record []byte, fields [][]byte) [][]byte {
	for {
		record = t.trim(record)
		var field []byte
		if len(record) > 0 && record[0] == '"' {
			end := quoteEnd(record[1:])
			field, record = record[1:1+end], t.trim(record[end+2:])
		} else {
			field = record
			if i := bytes.IndexByte(record, t.delim); i >= 0 {
				field = record[:i]
			}
			record = record[len(field):]
			field = bytes.TrimSpace(field)
		}
		fields = append(fields, field)
		if len(record) == 0 || record[0] != t.delim {
			return fields
		}
		record = record[1:]
	}
}

// trim takes blanks off the front, but no delimiter.
func (t *table) trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' && t.delim != '\t') {
		b = b[1:]
	}
	return b
}

// quoteEnd returns where the quoted field ends whose inside b is, -1 if it
// goes on in the next line. A doubled quote stands for one and ends nothing.
func quoteEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		if i+1 == len(b) || b[i+1] != '"' {
			return i
		}
		i++
	}
	return -1
}

// take returns the session id of the record on the line. A header, which only
// comes before any id, yields neither an id nor a reason to complain.
func (t *table) take(fields [][]byte, line int, header bool) (id veriff.SessionID, ok bool, reason string) {
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

// headerColumn finds the column that is named as one of session ids.
func headerColumn(fields [][]byte) int {
	column, best := -1, len(idColumns)
	for i, field := range fields {
		if rank := nameRank(field); rank >= 0 && rank < best {
			column, best = i, rank
		}
	}
	return column
}

// nameRank is the place of a column's name in idColumns, case and punctuation
// ignored, -1 if it has none.
func nameRank(name []byte) int {
	if len(name) > 64 {
		return -1
	}
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(string(name)))
	for i, known := range idColumns {
		if plain == known {
			return i
		}
	}
	return -1
}
