package answers

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// memory keeps values by key up to a sum of weights, and lets go of the least
// recently used first.
type memory[K comparable, V any] struct {
	most  int
	weigh func(V) int // more than 0

	mu    sync.Mutex
	lru   *simplelru.LRU[K, V]
	total int
}

func newMemory[K comparable, V any](most int, weigh func(V) int) *memory[K, V] {
	// The bound is on the weight, so the number of values has none.
	lru, err := simplelru.NewLRU[K, V](math.MaxInt, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &memory[K, V]{most: most, weigh: weigh, lru: lru}
}

// Get returns the value of a key and keeps it for longer.
func (m *memory[K, V]) Get(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lru.Get(k)
}

// Peek returns the value of a key.
func (m *memory[K, V]) Peek(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lru.Peek(k)
}

// Add keeps a value, in place of the key's last one.
func (m *memory[K, V]) Add(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.lru.Peek(k); ok {
		m.total -= m.weigh(last)
	}
	m.lru.Add(k, v)
	m.total += m.weigh(v)
	for m.total > m.most && m.lru.Len() > 1 {
		_, oldest, _ := m.lru.RemoveOldest()
		m.total -= m.weigh(oldest)
	}
}

// Remove forgets the value of a key.
func (m *memory[K, V]) Remove(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.lru.Peek(k); ok {
		m.total -= m.weigh(last)
		m.lru.Remove(k)
	}
}

// Values returns all values, the least recently used first.
func (m *memory[K, V]) Values() []V {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lru.Values()
}

// Purge forgets everything.
func (m *memory[K, V]) Purge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lru.Purge()
	m.total = 0
}
