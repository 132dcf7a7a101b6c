package catalog

import (
	"encoding/binary"
	"errors"
	"slices"

	"veriffs/veriff"
)

// formatVersion is the first byte of an encoded catalog. Five tables follow,
// each a count and as many records, all numbers big-endian: sessions (id, a
// count and as many attempts of id and date), sizes and numbers of files (id,
// number), and sessions and attempts that have gone (id, 1 for an attempt that
// is merely suspected, else 0).
const formatVersion = 3

const (
	idBytes     = 16
	countBytes  = 4
	recordBytes = idBytes + 8
)

// Encode returns the catalog as it is to be written down, nil if it is empty.
func (c *Catalog) Encode() []byte {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.attempts)+len(c.sizes)+len(c.numbers) == 0 && c.Losses.lost.Empty() {
		return nil
	}
	b := make([]byte, 0, 1+5*countBytes+len(c.attempts)*(idBytes+countBytes)+
		recordBytes*(len(c.sessions)+len(c.sizes)+len(c.numbers)+len(c.Losses.lost.Sessions)+len(c.Losses.lost.Attempts)))
	b = append(b, formatVersion)
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
	b = appendCount(b, len(c.Losses.lost.Sessions))
	for id := range c.Losses.lost.Sessions {
		b = appendRecord(b, id, 0)
	}
	b = appendCount(b, len(c.Losses.lost.Attempts))
	for id, g := range c.Losses.lost.Attempts {
		var suspect int64
		if g.Suspect {
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

var errMalformed = errors.New("catalog: malformed catalog")

// Decode replaces the catalog by one that was written down. After an error it
// is empty: everything in it can be had again.
func (c *Catalog) Decode(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	err := c.decodeLocked(b)
	if err != nil {
		c.clear()
	}
	return err
}

func (c *Catalog) decodeLocked(b []byte) error {
	if len(b) == 0 || b[0] != formatVersion {
		return errors.New("catalog: catalog of another version")
	}
	count, b, ok := takeCount(b[1:], idBytes+countBytes)
	if !ok {
		return errMalformed
	}
	for range count {
		if len(b) < idBytes {
			return errMalformed
		}
		session := veriff.SessionID(b[:idBytes])
		var all []attempt
		b, ok = takeTable(b[idBytes:], func(id [idBytes]byte, ms int64) {
			all = append(all, attempt{veriff.AttemptID(id), ms})
		})
		if !ok {
			return errMalformed
		}
		c.putLocked(session, slices.Clip(all))
	}
	for _, table := range []map[veriff.MediaID]int64{c.sizes, c.numbers} {
		b, ok = takeTable(b, func(id [idBytes]byte, n int64) { table[veriff.MediaID(id)] = n })
		if !ok {
			return errMalformed
		}
	}
	b, ok = takeTable(b, func(id [idBytes]byte, _ int64) { c.Losses.lost.Sessions[id] = Loss{} })
	if !ok {
		return errMalformed
	}
	b, ok = takeTable(b, func(id [idBytes]byte, suspect int64) { c.Losses.lost.Attempts[id] = Loss{Suspect: suspect != 0} })
	if !ok || len(b) > 0 {
		return errMalformed
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
	count, b, ok := takeCount(b, recordBytes)
	if !ok {
		return nil, false
	}
	for range count {
		put([idBytes]byte(b), int64(binary.BigEndian.Uint64(b[idBytes:])))
		b = b[recordBytes:]
	}
	return b, true
}
