package library

import (
	"encoding/binary"
	"errors"
	"slices"

	"veriffs/veriff"
)

// catalogVersion is the first byte of an encoded catalog. Five tables follow,
// each a count and as many records, all numbers big-endian: sessions (id, a
// count and as many attempts of id and date), sizes and numbers of files (id,
// number), and sessions and attempts that have gone (id, 1 for an attempt that
// is merely suspected, else 0).
const catalogVersion = 3

const (
	idBytes       = 16
	countBytes    = 4
	catalogRecord = idBytes + 8
)

func (c *catalog) encode() []byte {
	b := make([]byte, 0, 1+5*countBytes+len(c.attempts)*(idBytes+countBytes)+
		catalogRecord*(len(c.sessions)+len(c.sizes)+len(c.numbers)+len(c.graves.sessions)+len(c.graves.attempts)))
	b = append(b, catalogVersion)
	b = appendCount(b, len(c.attempts))
	for session, all := range c.attempts {
		b = appendCount(append(b, session[:]...), len(all))
		for _, a := range all {
			b = appendRecord(b, a.id, a.created)
		}
	}
	for _, table := range []map[veriff.MediaID]int64{c.sizes, c.numbers} {
		b = appendCount(b, len(table))
		for id, n := range table {
			b = appendRecord(b, id, n)
		}
	}
	b = appendCount(b, len(c.graves.sessions))
	for id := range c.graves.sessions {
		b = appendRecord(b, id, 0)
	}
	b = appendCount(b, len(c.graves.attempts))
	for id, g := range c.graves.attempts {
		var suspect int64
		if g.suspect {
			suspect = 1
		}
		b = appendRecord(b, id, suspect)
	}
	return b
}

func appendCount(b []byte, n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func appendRecord(b []byte, id [idBytes]byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, id[:]...), uint64(n))
}

var errCatalog = errors.New("library: malformed catalog")

func (c *catalog) decode(b []byte) error {
	if len(b) == 0 || b[0] != catalogVersion {
		return errors.New("library: catalog of another version")
	}
	count, b, ok := takeCount(b[1:], idBytes+countBytes)
	if !ok {
		return errCatalog
	}
	for range count {
		if len(b) < idBytes {
			return errCatalog
		}
		session := veriff.SessionID(b[:idBytes])
		var all []attempt
		b, ok = takeTable(b[idBytes:], func(id [idBytes]byte, ms int64) {
			all = append(all, attempt{veriff.AttemptID(id), ms})
		})
		if !ok {
			return errCatalog
		}
		c.putLocked(session, slices.Clip(all))
	}
	for _, table := range []map[veriff.MediaID]int64{c.sizes, c.numbers} {
		b, ok = takeTable(b, func(id [idBytes]byte, n int64) { table[veriff.MediaID(id)] = n })
		if !ok {
			return errCatalog
		}
	}
	b, ok = takeTable(b, func(id [idBytes]byte, _ int64) { c.graves.sessions[id] = grave{} })
	if !ok {
		return errCatalog
	}
	b, ok = takeTable(b, func(id [idBytes]byte, suspect int64) { c.graves.attempts[id] = grave{suspect: suspect != 0} })
	if !ok || len(b) > 0 {
		return errCatalog
	}
	return nil
}

// takeCount reads a count of records of at least size bytes each.
func takeCount(b []byte, size int) (n int, rest []byte, ok bool) {
	if len(b) < countBytes {
		return 0, nil, false
	}
	n, b = int(binary.BigEndian.Uint32(b)), b[countBytes:]
	return n, b, n <= len(b)/size
}

func takeTable(b []byte, put func(id [idBytes]byte, n int64)) (rest []byte, ok bool) {
	count, b, ok := takeCount(b, catalogRecord)
	if !ok {
		return nil, false
	}
	for range count {
		put([idBytes]byte(b), int64(binary.BigEndian.Uint64(b[idBytes:])))
		b = b[catalogRecord:]
	}
	return b, true
}
