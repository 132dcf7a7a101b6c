package store

import (
	"context"

	"veriffs/cache"
)

// Audited is what an audit of the cache found.
type Audited struct {
	Objects    int64           `json:"objects"` // files, lists and documents that are as they were sealed
	Bytes      int64           `json:"bytes"`   // of their contents
	Damaged    []DamagedObject `json:"damaged"`
	Unreadable int64           `json:"unreadable"` // sealed by a secret that is not configured
}

// DamagedObject is something in the cache that is not what was sealed.
type DamagedObject struct {
	Hash    string `json:"hash"`              // the name of its file
	Key     string `json:"key,omitempty"`     // what it is; "" if the damage hides it
	Session string `json:"session,omitempty"` // likewise
	Error   string `json:"error"`
}

// Audit reads a whole cache through and checks every object. It changes nothing.
func Audit(ctx context.Context, c *cache.Cache) (Audited, error) {
	found, err := c.Audit(ctx)
	a := Audited{Objects: found.Objects, Bytes: found.Bytes, Unreadable: found.Unreadable, Damaged: []DamagedObject{}}
	for _, d := range found.Damaged {
		shown := DamagedObject{Hash: d.Hash, Key: string(d.Key), Error: d.Err.Error()}
		if label, err := ParseLabel(d.Label); err == nil {
			shown.Session = label.Session
		}
		a.Damaged = append(a.Damaged, shown)
	}
	return a, err
}
