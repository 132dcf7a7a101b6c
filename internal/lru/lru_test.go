package lru_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"veriffs/internal/lru"
)

// TestList compares a list with a slice in the order of use, through many changes.
func TestList(t *testing.T) {
	type pair struct{ key, value int }
	rnd := rand.New(rand.NewPCG(1, 2))
	l := lru.New[int, int](0)
	var want []pair // the oldest first
	find := func(k int) int { return slices.IndexFunc(want, func(p pair) bool { return p.key == k }) }
	if _, _, ok := l.Oldest(); ok {
		t.Error("an empty list has an oldest value")
	}
	for step := range 100_000 {
		keys := 1 + step/100 // more than a piece has, in the end
		k := rnd.IntN(keys)
		if step%1000 == 0 {
			l.Sort(func(v int) int64 { return int64(-v) })
			slices.SortFunc(want, func(a, b pair) int { return b.value - a.value })
		}
		n := find(k)
		switch rnd.IntN(5) {
		case 0, 1:
			l.Put(k, step)
			if n >= 0 {
				want = slices.Delete(want, n, n+1)
			}
			want = append(want, pair{k, step})
		case 2:
			v, ok := l.Get(k)
			if ok != (n >= 0) || ok && v != want[n].value {
				t.Fatalf("step %d: Get(%d) is %d, %v", step, k, v, ok)
			}
			if ok {
				want = append(slices.Delete(want, n, n+1), pair{k, v})
			}
		case 3:
			l.Remove(k)
			if n >= 0 {
				want = slices.Delete(want, n, n+1)
			}
		case 4:
			v, ok := l.Peek(k)
			if ok != (n >= 0) || ok && v != want[n].value || l.Has(k) != ok {
				t.Fatalf("step %d: Peek(%d) is %d, %v", step, k, v, ok)
			}
		}
		if k, v, ok := l.Oldest(); ok != (len(want) > 0) || ok && (pair{k, v}) != want[0] {
			t.Fatalf("step %d: the oldest is %d, %v", step, k, ok)
		}
		if step%100 != 0 {
			continue
		}
		var got []pair
		for k, v := range l.All() {
			got = append(got, pair{k, v})
		}
		if !slices.Equal(got, want) || l.Len() != len(want) {
			t.Fatalf("step %d: %v, want %v", step, got, want)
		}
	}
}

// TestRemovedIsReused: a list that values come to and go from does not grow.
func TestRemovedIsReused(t *testing.T) {
	l := lru.New[int, [1024]byte](0)
	if n := testing.AllocsPerRun(100, func() {
		for k := range 200 {
			l.Put(k, [1024]byte{})
		}
		for k := range 200 {
			l.Remove(k)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
