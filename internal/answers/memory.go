package answers

import (
	"sync"

	"veriffs/internal/lru"
)

// memory keeps values by key up to a sum of weights, and lets go of the least
// recently used first.
type memory[K comparable, V any] struct {
	most  int
	weigh func(V) int // more than 0

	mu    sync.Mutex
	all   *lru.List[K, V]
	total int
}

func newMemory[K comparable, V any](most int, weigh func(V) int) *memory[K, V] {
	return &memory[K, V]{most: most, weigh: weigh, all: lru.New[K, V](0)}
}

// Get returns the value of a key and keeps it for longer.
func (m *memory[K, V]) Get(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all.Get(k)
}

// Peek returns the value of a key.
func (m *memory[K, V]) Peek(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all.Peek(k)
}

// Add keeps a value, in place of the key's last one.
func (m *memory[K, V]) Add(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.all.Peek(k); ok {
		m.total -= m.weigh(last)
	}
	m.all.Put(k, v)
	m.total += m.weigh(v)
	for m.total > m.most && m.all.Len() > 1 {
		k, oldest, _ := m.all.Oldest()
		m.all.Remove(k)
		m.total -= m.weigh(oldest)
	}
}

// Remove forgets the value of a key.
func (m *memory[K, V]) Remove(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.all.Peek(k); ok {
		m.total -= m.weigh(last)
		m.all.Remove(k)
	}
}

// Values returns all values, the least recently used first.
func (m *memory[K, V]) Values() (values []V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.all.All() {
		values = append(values, v)
	}
	return values
}

// Purge forgets everything.
func (m *memory[K, V]) Purge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = lru.New[K, V](0)
	m.total = 0
}
