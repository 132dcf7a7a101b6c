package access

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ID returns the id of a user or a group that is given by its number or its name.
// lookup returns the id of a name as text.
func ID(name string, lookup func(name string) (id string, err error)) (uint32, error) {
	id, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		text, err := lookup(name)
		if err != nil {
			return 0, err
		}
		if id, err = strconv.ParseUint(text, 10, 32); err != nil {
			return 0, fmt.Errorf("%s has the id %q, which is no number", name, text)
		}
	}
	return uint32(id), nil
}

// Somebody is ID, but refuses the number that is nobody's.
func Somebody(name string, lookup func(name string) (id string, err error)) (uint32, error) {
	id, err := ID(name, lookup)
	if err == nil && id == math.MaxUint32 {
		err = fmt.Errorf("%s is nobody's id", name)
	}
	return id, err
}

// IDs is Somebody of each who is named. It leaves out empty names.
func IDs(names []string, lookup func(name string) (id string, err error)) (ids []uint32, err error) {
	for _, name := range names {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		id, err := Somebody(name, lookup)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
