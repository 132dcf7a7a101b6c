package team

import (
	"context"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

// Survey is what there is in a bucket. Times are those of the bucket's clock.
type Survey struct {
	Store   string    `json:"store"`
	Objects int64     `json:"objects"`
	Bytes   int64     `json:"bytes"`
	Oldest  time.Time `json:"oldest,omitzero"` // when the objects were put; zero if there are none
	Newest  time.Time `json:"newest,omitzero"`
	// Versions are those that the bucket keeps of objects that were replaced or removed.
	Versions     int64 `json:"versions"`
	VersionBytes int64 `json:"version_bytes"`
	Leases       int64 `json:"leases"` // with the versions of those that were removed
	Holds        int64 `json:"holds"`  // that can be read
	// UnreadableHolds are objects in the place of holds that no configured secret opens,
	// and Stray those that can't be any by their names.
	UnreadableHolds int64 `json:"unreadable_holds"`
	Stray           int64 `json:"stray_in_holds"`
	// Unreadable is the number of objects that no configured secret opens, as far as
	// they were read.
	Unreadable int64 `json:"unreadable"`
}

// Look surveys the bucket of a store, and reads all notes. With visit it also reads the sealed
// header of each other object, and tells visit of it, one at a time.
func Look(ctx context.Context, s *Store, visit func(cache.Entry)) (Survey, error) {
	found := Survey{Store: s.String()}
	notes := newReading(s)
	var mu sync.Mutex // guards found and notes, and is held for visit
	err := each(ctx, s.o.Bucket, "", func(o bucket.Info) error {
		mu.Lock()
		isNewest := found.add(o)
		var err error
		if isNote(o) {
			err = notes.add(o)
		}
		mu.Unlock()
		if err != nil {
			return err
		}
		if !isNewest || visit == nil {
			return nil
		}
		return s.examine(ctx, o, func(entry cache.Entry, readable bool) error {
			mu.Lock()
			defer mu.Unlock()
			if readable {
				visit(entry)
			} else {
				found.Unreadable++
			}
			return nil
		})
	})
	if err == nil {
		err = notes.readAll(ctx, func() {})
	}
	found.Holds, found.UnreadableHolds, found.Stray = int64(len(notes.found)), int64(len(notes.unreadable)), int64(notes.stray)
	return found, err
}

// add counts what the bucket lists, and reports whether that is an object as it is now.
func (f *Survey) add(o bucket.Info) bool {
	switch {
	case isLease(o):
		f.Leases++
		return false
	case isNote(o):
		return false
	case o.Version != "":
		f.Versions++
		f.VersionBytes += o.Size
		return false
	}
	f.Objects++
	f.Bytes += o.Size
	if f.Oldest.IsZero() || o.Modified.Before(f.Oldest) {
		f.Oldest = o.Modified
	}
	if o.Modified.After(f.Newest) {
		f.Newest = o.Modified
	}
	return true
}
