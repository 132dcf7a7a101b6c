package hold

import (
	"bytes"
	"slices"
	"time"

	"veriffs/cache/seal"
)

// version is a hold as one of the secrets has sealed it.
type version struct {
	Hold
	by     *seal.Secret
	stored time.Time
}

// versions are those of one hold, one of each secret.
type versions []version

// with adds a version, unless its secret has sealed a newer one.
func (v versions) with(one version) versions {
	for i, known := range v {
		if known.by == one.by {
			if one.stored.After(known.stored) {
				v[i] = one
			}
			return v
		}
	}
	return append(v, one)
}

// whole is the newest version, with what the others say and hold. They may know more:
// who holds a session again without the older secret can't read what is held of it.
func (v versions) whole() Hold {
	slices.SortStableFunc(v, func(a, b version) int { return b.stored.Compare(a.stored) })
	h := v[0].Hold
	for _, other := range v[1:] {
		if bytes.Equal(other.Text, h.Text) {
			continue
		}
		h.Older = append(h.Older, other.Text)
		h.Keys = union(h.Keys, other.Keys)
	}
	return h
}

// union returns the keys that are in either.
func union(a, b []seal.Key) []seal.Key {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
