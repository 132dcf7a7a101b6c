// Package access is the rules about who may read a mount: lists of users and groups,
// and a budget of opens for each user.
//
// Promises: the decisions depend on the arguments alone, the time included. What
// can't be found out about somebody never lets them in.
//
// Not promised: that the ids are right. Who asks gets them from the kernel. The
// package does no I/O.
//
// Concurrency. [Readers] do not change. A [Budget] may be used by any number of
// goroutines; its lock is held for memory only.
package access

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNotAllowed says that somebody may not read the mount.
var ErrNotAllowed = errors.New("not one of those who may read this mount")

// Readers are who may read a mount: its owner, the users that are named, and the
// members of groups that are named. Root is nobody special. A nil *Readers lets
// everybody in.
type Readers struct {
	owner         uint32
	users, groups []uint32 // sorted
}

// NewReaders returns the readers of a mount.
func NewReaders(owner uint32, users, groups []uint32) *Readers {
	return &Readers{owner, slices.Sorted(slices.Values(users)), slices.Sorted(slices.Values(groups))}
}

// Admit returns nil if a process with these ids may read. supplementary returns its
// other groups; it is called only if they decide.
//
// Errors: ErrNotAllowed, which wraps also why the groups are not known.
func (r *Readers) Admit(uid, gid uint32, supplementary func() ([]uint32, error)) error {
	switch {
	case r == nil, uid == r.owner, has(r.users, uid), has(r.groups, gid):
		return nil
	case len(r.groups) == 0:
		return ErrNotAllowed
	}
	groups, err := supplementary()
	switch {
	case err != nil:
		return fmt.Errorf("%w, unless by a group; the groups are not known: %w", ErrNotAllowed, err)
	case slices.ContainsFunc(groups, func(g uint32) bool { return has(r.groups, g) }):
		return nil
	}
	return ErrNotAllowed
}

func has(ids []uint32, id uint32) bool {
	_, ok := slices.BinarySearch(ids, id)
	return ok
}
