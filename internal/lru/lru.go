// Package lru keeps values by key in the order of their use.
//
// Millions may be kept: one takes the size of its key and value and 25 bytes or so. They
// lie in large pieces and refer to each other by number, so that the collector has
// nothing to look at where neither keys nor values have pointers. There is no bound: its
// owner takes out the oldest.
//
// A [List] is not safe for concurrent use.
package lru

import (
	"cmp"
	"hash/maphash"
	"iter"
	"slices"
)

// List is the values. Make one with New.
type List[K comparable, V any] struct {
	pieces []*[piece]node[K, V]
	unused int32 // the first of a chain by newer; 0: none

	// where is a hash table of the nodes, whose length is a power of two. It takes half
	// of what a map would, which has the keys once more.
	where []slot
	seed  maphash.Seed
	count int
}

// slot is where a node is, or the next ones if that is taken.
type slot struct {
	hash uint32 // whose lowest bits say where the slot should be
	node int32  // 0: the slot is free
}

// node is a value in a ring, whose node 0 comes after the newest and before the oldest.
type node[K comparable, V any] struct {
	key          K
	value        V
	newer, older int32
}

// piece is how many nodes are made at a time.
const piece = 256

// New returns an empty list, with room for so many values.
func New[K comparable, V any](room int) *List[K, V] {
	l := &List[K, V]{seed: maphash.MakeSeed(), where: make([]slot, 8)}
	for l.full(room) {
		l.where = make([]slot, 2*len(l.where))
	}
	return l
}

// full reports whether the table is too small for so many nodes.
func (l *List[K, V]) full(count int) bool { return count > len(l.where)/4*3 }

func (l *List[K, V]) node(i int32) *node[K, V] { return &l.pieces[i/piece][i%piece] }

// find returns the slot of a key, or else the free one where it would be.
func (l *List[K, V]) find(k K) (at, hash uint32) {
	hash = uint32(maphash.Comparable(l.seed, k))
	for at = hash; ; at++ {
		if s := l.slot(at); s.node == 0 || s.hash == hash && l.node(s.node).key == k {
			return at, hash
		}
	}
}

// lookUp returns the node of a key, or 0.
func (l *List[K, V]) lookUp(k K) int32 {
	at, _ := l.find(k)
	return l.slot(at).node
}

// distance is how many slots one is behind another.
func (l *List[K, V]) distance(from, to uint32) uint32 { return (to - from) & uint32(len(l.where)-1) }

// slot returns that of a hash, or the next ones after it, as in a ring.
func (l *List[K, V]) slot(at uint32) *slot { return &l.where[at&uint32(len(l.where)-1)] }

// Len returns how many values there are.
func (l *List[K, V]) Len() int { return l.count }

// Peek returns the value of a key.
func (l *List[K, V]) Peek(k K) (v V, ok bool) {
	i := l.lookUp(k)
	if i != 0 {
		v = l.node(i).value
	}
	return v, i != 0
}

// Has reports whether a key has a value.
func (l *List[K, V]) Has(k K) bool { return l.lookUp(k) != 0 }

// Get returns the value of a key, and makes it the newest.
func (l *List[K, V]) Get(k K) (v V, ok bool) {
	i := l.lookUp(k)
	if i != 0 {
		l.unlink(i)
		l.link(i)
		v = l.node(i).value
	}
	return v, i != 0
}

// Put gives a key a value, in place of the last one, and makes it the newest.
func (l *List[K, V]) Put(k K, v V) {
	i := l.lookUp(k)
	if i != 0 {
		l.unlink(i)
	} else {
		if l.full(l.count + 1) {
			l.grow()
		}
		i = l.take()
		at, hash := l.find(k)
		*l.slot(at) = slot{hash, i}
		l.count++
	}
	n := l.node(i)
	n.key, n.value = k, v
	l.link(i)
}

// Remove takes a key out.
func (l *List[K, V]) Remove(k K) {
	free, _ := l.find(k)
	i := l.slot(free).node
	if i == 0 {
		return
	}
	// Those that would not be found behind a free slot move up.
	for at := free + 1; l.slot(at).node != 0; at++ {
		if s := l.slot(at); l.distance(s.hash, at) >= l.distance(free, at) {
			*l.slot(free) = *s
			free = at
		}
	}
	*l.slot(free) = slot{}
	l.count--
	l.unlink(i)
	*l.node(i) = node[K, V]{newer: l.unused}
	l.unused = i
}

// Oldest returns what was used least recently.
func (l *List[K, V]) Oldest() (k K, v V, ok bool) {
	for k, v := range l.All() {
		return k, v, true
	}
	return k, v, false
}

// All yields everything, the oldest first. The list must not change meanwhile.
func (l *List[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i := l.first(); i != 0; i = l.node(i).newer {
			if n := l.node(i); !yield(n.key, n.value) {
				return
			}
		}
	}
}

// Sort makes the values with the lowest keys the oldest.
func (l *List[K, V]) Sort(key func(V) int64) {
	type place struct {
		key  int64
		node int32
	}
	places := make([]place, 0, l.count)
	for i := l.first(); i != 0; i = l.node(i).newer {
		places = append(places, place{key(l.node(i).value), i})
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.key, b.key) })
	for _, p := range places {
		l.unlink(p.node)
		l.link(p.node)
	}
}

// first returns the oldest node, or 0.
func (l *List[K, V]) first() int32 {
	if l.count == 0 {
		return 0
	}
	return l.node(0).newer
}

// link makes a node the newest.
func (l *List[K, V]) link(i int32) {
	end := l.node(0)
	n, newest := l.node(i), end.older
	n.newer, n.older = 0, newest
	l.node(newest).newer, end.older = i, i
}

func (l *List[K, V]) unlink(i int32) {
	n := l.node(i)
	l.node(n.older).newer, l.node(n.newer).older = n.newer, n.older
}

// take returns a node that is not used.
func (l *List[K, V]) take() int32 {
	if l.unused == 0 {
		first := int32(len(l.pieces) * piece)
		l.pieces = append(l.pieces, new([piece]node[K, V]))
		for i := first + piece - 1; i >= max(first, 1); i-- {
			l.node(i).newer, l.unused = l.unused, i
		}
	}
	i := l.unused
	l.unused = l.node(i).newer
	return i
}

// grow doubles the table.
func (l *List[K, V]) grow() {
	old := l.where
	l.where = make([]slot, 2*len(old))
	for _, s := range old {
		if s.node == 0 {
			continue
		}
		at := s.hash
		for l.slot(at).node != 0 {
			at++
		}
		*l.slot(at) = s
	}
}
