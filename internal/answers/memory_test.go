package answers

import "testing"

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory[int](100, func(v []byte) int { return len(v) + 4 })
	value := func(weight int) []byte { return make([]byte, weight) }
	sum := func() (n int) {
		for _, v := range m.Values() {
			n += m.weigh(v)
		}
		return n
	}
	for n := range 1000 {
		m.Add(n, value(n%7))
		m.Add(n/2, value(n%5)) // replaces, or comes back
		if n%3 == 0 {
			m.Remove(n - 1)
		}
		if m.total != sum() || m.total > 100 {
			t.Fatalf("after %d: it counts %d of %d", n, m.total, sum())
		}
	}
	m.Add(1, value(5000)) // one too large stays, alone: it is in use
	if _, ok := m.Get(1); !ok || m.all.Len() != 1 {
		t.Errorf("%d values beside one that is too large", m.all.Len())
	}
	m.Purge()
	if m.total != 0 || m.all.Len() != 0 {
		t.Errorf("%d in %d values after Purge", m.total, m.all.Len())
	}
}
