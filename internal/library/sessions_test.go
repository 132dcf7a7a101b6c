package library

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"veriffs/veriff"
)

// TestSessionSet compares the set with a plain map through many changes.
func TestSessionSet(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	now := time.Unix(1000, 0)
	s := sessionSet{now: func() time.Time { return now }}
	id := func(n int) (id veriff.SessionID) { id[15] = byte(n); return id }

	const ids = 20
	var listed, visited [ids]bool
	var absent [ids]time.Time
	for range 5000 {
		n := rnd.IntN(ids)
		last, before := s.all()
		switch rnd.IntN(6) {
		case 0:
			var set []veriff.SessionID
			for i := range listed {
				if listed[i] = rnd.IntN(2) == 0; listed[i] {
					set = append(set, id(i))
					visited[i] = false
				}
			}
			s.setListed(set)
		case 1, 2:
			s.visit(id(n))
			visited[n] = !listed[n]
			absent[n] = time.Time{}
		case 3:
			s.lose(id(n), now.Add(5*time.Second))
			visited[n], absent[n] = false, now.Add(5*time.Second)
		case 4:
			s.forget(id(n))
			visited[n] = false
		case 5:
			now = now.Add(time.Second)
		}
		var want []veriff.SessionID
		for i := range ids {
			if (listed[i] || visited[i]) && !now.Before(absent[i]) {
				want = append(want, id(i))
			}
		}
		got, after := s.all()
		if !slices.Equal(got, want) {
			t.Fatalf("%d sessions, want %d", len(got), len(want))
		}
		if after < before || after == before && !slices.Equal(got, last) {
			t.Fatalf("version %d after %d for a set that changed", after, before)
		}
		for i := range ids {
			if in(want, id(i)) != s.has(id(i)) {
				t.Fatalf("has session %d: %v", i, s.has(id(i)))
			}
			k, found := search(want, id(i))
			if !found {
				k--
			}
			if next, ok := s.next(id(i), +1); ok != (k+1 < len(want)) || ok && next != want[k+1] {
				t.Fatalf("after session %d: %v, %v", i, next, ok)
			}
			if !found {
				k++
			}
			if last, ok := s.next(id(i), -1); ok != (k-1 >= 0) || ok && last != want[k-1] {
				t.Fatalf("before session %d: %v, %v", i, last, ok)
			}
		}
	}
}
