package hold

import (
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
)

// Records are the holds in a directory, as they are on its disk.
type Records struct {
	dir     *directory.Directory
	secrets []*seal.Secret

	mu         sync.Mutex // also held while a record is written, so that the last is the newest
	all        map[seal.Key]Hold
	unreadable []string
}

// Open reads the holds that the configured secrets have sealed.
func Open(d *directory.Directory, secrets []*seal.Secret) (*Records, error) {
	all, unreadable, err := Read(d, secrets)
	if err != nil {
		return nil, err
	}
	r := &Records{dir: d, secrets: secrets, all: make(map[seal.Key]Hold, len(all)), unreadable: unreadable}
	for _, h := range all {
		r.all[h.ID] = h
	}
	return r, nil
}

// Put records a hold, in place of an older one of its id, and syncs what the file
// system has of its objects. It is recorded under the secret that seals and under
// those that have sealed any of its objects, so that once no object is left of an old
// secret nothing keeps that one in the configuration. now is when; has reports whether
// there is, or may be, an object under a secret. told is called with what is held then.
//
// After an error the hold is what its record says, the old one or the new one, as the
// next process will read it; the objects of both are held as long as this one lives.
func (r *Records) Put(h Hold, random io.Reader, now time.Time, has func(secret int, k seal.Key) bool, told func(names map[seal.Name]bool, all bool)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.putLocked(h, random, now, has, told)
}

// Again is Put of the hold that there is by now, and does nothing if there is none: it may
// have been removed, or have changed, since the caller looked.
func (r *Records) Again(id seal.Key, random io.Reader, now time.Time, has func(secret int, k seal.Key) bool, told func(names map[seal.Name]bool, all bool)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.all[id]
	if !ok {
		return nil
	}
	return r.putLocked(h, random, now, has, told)
}

func (r *Records) putLocked(h Hold, random io.Reader, now time.Time, has func(secret int, k seal.Key) bool, told func(names map[seal.Name]bool, all bool)) error {
	err := r.dir.MarkHolds()
	if err == nil {
		var with, without []*seal.Secret
		for i, s := range r.secrets {
			if i == 0 || slices.ContainsFunc(h.Keys, func(k seal.Key) bool { return has(i, k) }) {
				with = append(with, s)
			} else {
				without = append(without, s)
			}
		}
		err = Write(r.dir, with, random, h, now)
		if err == nil { // or the older one is all there is
			err = Remove(r.dir, without, h.ID)
		}
	}
	old, had := r.all[h.ID]
	if err == nil {
		h.Older = nil
		r.all[h.ID] = h
		r.unreadable = slices.DeleteFunc(r.unreadable, func(path string) bool { // its record may have been among them
			return slices.ContainsFunc(r.secrets, func(s *seal.Secret) bool { return Is(path, s, h.ID) })
		})
	} else if left, held := r.leftLocked(h); held {
		r.all[h.ID] = left
	}
	told(r.namesLocked())
	if err == nil && (!had || !slices.Equal(old.Keys, h.Keys)) {
		err = r.dir.SyncAll()
	}
	return err
}

// leftLocked returns the hold that there is after h could not be recorded, and false if
// there is none.
func (r *Records) leftLocked(h Hold) (left Hold, held bool) {
	left, held, err := ReadOne(r.dir, r.secrets, h.ID)
	if !held { // or the disk does not say
		if left, held = r.all[h.ID]; !held && err != nil {
			left, held = h, true
		}
	}
	if !held {
		return left, false
	}
	left.Keys = union(left.Keys, h.Keys)
	return left, true
}

// Remove ends a hold.
func (r *Records) Remove(id seal.Key, told func(names map[seal.Name]bool, all bool)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := Remove(r.dir, r.secrets, id); err != nil {
		return err
	}
	delete(r.all, id)
	told(r.namesLocked())
	return nil
}

// RemoveUnreadable gives up the records that can't be read.
func (r *Records) RemoveUnreadable(told func(names map[seal.Name]bool, all bool)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := RemoveFiles(r.dir, r.unreadable); err != nil {
		return err
	}
	r.unreadable = nil
	told(r.namesLocked())
	return nil
}

// All returns all holds in the order of their ids, and the files of those that can't
// be read.
func (r *Records) All() (all []Hold, unreadable []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all = slices.SortedFunc(maps.Values(r.all), func(a, b Hold) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return all, slices.Clone(r.unreadable)
}

// Of returns the hold of an id, and false if there is none.
func (r *Records) Of(id seal.Key) (Hold, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.all[id]
	return h, ok
}

// Names returns what is held, under every secret's name. With all, everything is,
// because there are records that can't be read.
func (r *Records) Names() (names map[seal.Name]bool, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.namesLocked()
}

func (r *Records) namesLocked() (names map[seal.Name]bool, all bool) {
	names = make(map[seal.Name]bool)
	for _, h := range r.all {
		for _, k := range h.Keys {
			for _, s := range r.secrets {
				names[s.Name(k)] = true
			}
		}
	}
	return names, len(r.unreadable) > 0
}

// UnreadableError says that there are holds whose records can't be read. As long as
// there are, everything is held.
type UnreadableError struct{ Files []string }

func (e *UnreadableError) Error() string {
	return "the record of a hold can't be read, so everything is held: " + strings.Join(e.Files, ", ")
}

// Err returns an *UnreadableError for files, nil for none.
func Err(files []string) error {
	if len(files) == 0 {
		return nil
	}
	return &UnreadableError{files}
}
