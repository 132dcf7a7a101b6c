package sheet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Limits of what a contact sheet shows of a document.
const (
	maxFacts = 60   // of a file
	maxDepth = 8    // of objects and lists in each other
	maxText  = 160  // of a value, in characters
	maxLine  = 2000 // of any other text
)

// fact is one value of a JSON document.
type fact struct{ Name, Value string }

// facts lists the values of a document in its own order, without those that are
// null. What is too much is counted.
func facts(body []byte, most int) []fact {
	f := factFinder{most: most}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	f.value(d, "", 0)
	if f.more > 0 {
		f.found = append(f.found, fact{"…", fmt.Sprintf("%d more values are in the file", f.more)})
	}
	return f.found
}

type factFinder struct {
	found []fact
	most  int
	more  int
}

// value reads the next value, whose name is that of the path to it.
func (f *factFinder) value(d *json.Decoder, name string, depth int) bool {
	if depth > maxDepth {
		var rest json.RawMessage
		if d.Decode(&rest) != nil {
			return false
		}
		f.add(name, fmt.Sprintf("(%d bytes)", len(rest)))
		return true
	}
	token, err := d.Token()
	if err != nil {
		return false
	}
	switch v := token.(type) {
	case json.Delim:
		for i := 1; d.More(); i++ {
			inner := join(name, strconv.Itoa(i))
			if v == '{' {
				key, err := d.Token()
				if err != nil {
					return false
				}
				inner = join(name, key.(string))
			}
			if !f.value(d, inner, depth+1) {
				return false
			}
		}
		_, err := d.Token()
		return err == nil
	case string:
		f.add(name, v)
	case json.Number:
		f.add(name, v.String())
	case bool:
		f.add(name, strconv.FormatBool(v))
	}
	return true
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + " › " + key
}

func (f *factFinder) add(name, value string) {
	if len(f.found) >= f.most {
		f.more++
		return
	}
	f.found = append(f.found, fact{printable(name, maxText), printable(value, maxText)})
}

// Printable replaces what does not print, so that it can't reorder or hide what is
// around it, and cuts what is very long.
func Printable(s string) string { return printable(s, maxLine) }

func printable(s string, most int) string {
	all := []rune(s)
	cut := ""
	if len(all) > most {
		cut = fmt.Sprintf("… (%d characters)", len(all))
		all = all[:most/2]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, string(all)) + cut
}
