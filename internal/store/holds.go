package store

import (
	"errors"
	"fmt"
	"strings"

	"veriffs/cache"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// HoldKey is what the hold of a session is called.
func HoldKey(id veriff.SessionID) cache.Key { return cache.Key("hold/" + id.String()) }

// NoticeKey is what the notice of a hold is called in the store of a team.
func NoticeKey(id veriff.SessionID, name string) cache.Key { return HoldKey(id) + cache.Key("/"+name) }

// NoticeName undoes NoticeKey for a session.
func NoticeName(k cache.Key, id veriff.SessionID) (name string, ok bool) {
	return strings.CutPrefix(string(k), string(HoldKey(id))+"/")
}

// holds keeps the records of holds in a cache, each with the keys of what it holds.
type holds struct{ cache *cache.Cache }

// Holds returns the holds of a cache. What older records of a hold know besides is in
// the newest one from now on.
func Holds(c *cache.Cache) *hold.Set {
	records, broken := readHolds(c)
	keeper := holds{c}
	for _, r := range records {
		if h, ok := c.Holds().Of(HoldKey(r.Session)); ok && len(h.Older) > 0 {
			_ = keeper.Keep(r) // or the next process takes it over: the older ones stay until one has
		}
	}
	return hold.NewSet(keeper, records, broken)
}

// BrokenHolds returns why some holds of a cache can't be read, nil if all can be.
func BrokenHolds(c *cache.Cache) error {
	_, broken := readHolds(c)
	return broken
}

func readHolds(c *cache.Cache) (records []*hold.Record, broken error) {
	all, broken := c.Holds().All()
	for _, h := range all {
		r, err := decodeHold(h)
		if err != nil {
			broken = errors.Join(broken, err)
			continue
		}
		records = append(records, r)
	}
	return records, broken
}

func decodeHold(h cache.Hold) (*hold.Record, error) {
	var whole *hold.Record
	for _, text := range append([][]byte{h.Text}, h.Older...) {
		r, err := hold.Decode(text)
		if err == nil && HoldKey(r.Session) != h.ID {
			err = errors.New("a hold of another session")
		}
		if err != nil {
			return nil, fmt.Errorf("store: %s: %w", h.ID, err)
		}
		if whole == nil {
			whole = r
			continue
		}
		hold.Older(r)(whole)
	}
	return whole, nil
}

// Keep makes a record last, and what belongs to it stay.
func (h holds) Keep(r *hold.Record) error {
	return h.cache.Holds().Put(cache.Hold{ID: HoldKey(r.Session), Keys: HeldKeys(r), Text: r.Encode()})
}

// Kept returns the record of a session.
func (h holds) Kept(id veriff.SessionID) (*hold.Record, error) {
	kept, ok := h.cache.Holds().Of(HoldKey(id))
	if !ok {
		return nil, nil
	}
	return decodeHold(kept)
}

// Drop removes a record.
func (h holds) Drop(id veriff.SessionID) error { return h.cache.Holds().Release(HoldKey(id)) }

// HeldKeys returns the keys of what belongs to a hold.
func HeldKeys(r *hold.Record) (keys []cache.Key) {
	for kind := range listing.DocumentKinds {
		if kind != listing.HoldDocument {
			keys = append(keys, Document(listing.DocumentID{Session: r.Session, Kind: kind}))
		}
	}
	for _, a := range r.Attempts {
		if !a.ID.IsZero() {
			keys = append(keys, AttemptList(a.ID))
		}
		for _, f := range a.Files {
			keys = append(keys, File(f.ID))
		}
	}
	return keys
}
