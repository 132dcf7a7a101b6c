// Package items reads the items of a listing's body.
//
// Promises. A field or item that is not as documented costs that field or item alone.
// The number of items and the depth are bounded before memory is spent on more. No error
// quotes the body, which is about people.
//
// Not promised: that an id is one, or that a listing lists anything.
//
// The package has no state.
package items

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Most bounds the items of a listing, all its arrays together.
const Most = 100_000

// Found is what a body has beside its items.
type Found struct {
	Dropped int  // items that were of no use, and arrays that are something else
	Status  any  // as encoding/json decodes it; nil if there is none
	Listing bool // one of the arrays is there, if only as null, and it is no decision
}

// decision is a key that no listing has, but the API's word about a session.
const decision = "verification"

// Decode walks through a listing item by item. It hands each to the function of its
// array, which reports whether it can use it. Its errors are about bodies that are not
// a JSON object or have more items than Most.
func Decode(body []byte, arrays map[string]func(Item) bool) (Found, error) {
	w := walk{body: body, dec: json.NewDecoder(bytes.NewReader(body)), arrays: arrays}
	if t, err := w.dec.Token(); err != nil || t != json.Delim('{') {
		return Found{}, errors.New("a listing that is not a JSON object")
	}
	decided := false
	for w.dec.More() {
		key, err := w.dec.Token()
		if err != nil {
			return Found{}, notJSON(err)
		}
		name, _ := key.(string)
		decided = decided || name == decision
		if err := w.value(name); err != nil {
			return Found{}, err
		}
	}
	if _, err := w.dec.Token(); err != nil { // the closing brace
		return Found{}, notJSON(err)
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return Found{}, errors.New("a listing with more after its end")
	}
	w.found.Listing = w.found.Listing && !decided
	return w.found, nil
}

// walk is a Decode at work.
type walk struct {
	body   []byte
	dec    *json.Decoder
	arrays map[string]func(Item) bool
	items  int // so far
	found  Found
}

// value reads the value of a key.
func (w *walk) value(name string) error {
	use := w.arrays[name]
	if use != nil && arrayFollows(w.body[w.dec.InputOffset():]) {
		w.found.Listing = true
		return w.array(use)
	}
	var value json.RawMessage // Decode, unlike Token, bounds the depth
	if err := w.dec.Decode(&value); err != nil {
		return notJSON(err)
	}
	switch {
	case use == nil:
	case string(value) == "null":
		w.found.Listing = true
	default:
		w.found.Dropped++
	}
	if name == "status" {
		_ = json.Unmarshal(value, &w.found.Status) // it is JSON
	}
	return nil
}

// array hands over the items of the array that comes next.
func (w *walk) array(use func(Item) bool) error {
	if _, err := w.dec.Token(); err != nil { // the opening bracket
		return notJSON(err)
	}
	for ; w.dec.More(); w.items++ {
		if w.items == Most {
			return fmt.Errorf("a listing of more than %d items", Most)
		}
		var (
			f     fields
			wrong *json.UnmarshalTypeError // not an object, so without an id
		)
		if err := w.dec.Decode(&f); err != nil && !errors.As(err, &wrong) {
			return notJSON(err)
		}
		if !use(f.item()) {
			w.found.Dropped++
		}
	}
	if _, err := w.dec.Token(); err != nil { // the closing bracket
		return notJSON(err)
	}
	return nil
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("a listing that is not JSON: it ends too early")
	}
	return errors.New("a listing that is not JSON") // the error quotes it
}

// arrayFollows reports whether the value after an object's key is an array.
func arrayFollows(rest []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(rest, ": \t\r\n"), []byte("["))
}
