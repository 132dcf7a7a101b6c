package collection

import (
	"iter"
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
	s := Sessions{now: func() time.Time { return now }}
	id := func(n int) (id veriff.SessionID) { id[15] = byte(n); return id }

	const ids = 20
	var listed, visited [ids]bool
	var absent [ids]time.Time
	for range 5000 {
		n := rnd.IntN(ids)
		last, before := s.All()
		switch rnd.IntN(6) {
		case 0:
			var set []veriff.SessionID
			for i := range listed {
				if listed[i] = rnd.IntN(2) == 0; listed[i] {
					set = append(set, id(i))
					visited[i] = false
				}
			}
			s.Set(set)
		case 1, 2:
			s.Visit(id(n))
			visited[n] = !listed[n]
			absent[n] = time.Time{}
		case 3:
			s.Lose(id(n), now.Add(5*time.Second))
			visited[n], absent[n] = false, now.Add(5*time.Second)
		case 4:
			s.Forget(id(n))
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
		got, after := s.All()
		if !slices.Equal(got, want) {
			t.Fatalf("%d sessions, want %d", len(got), len(want))
		}
		if after < before || after == before && !slices.Equal(got, last) {
			t.Fatalf("version %d after %d for a set that changed", after, before)
		}
		for i := range ids {
			if in(want, id(i)) != s.Has(id(i)) {
				t.Fatalf("has session %d: %v", i, s.Has(id(i)))
			}
			k, found := search(want, id(i))
			if !found {
				k--
			}
			if next, ok := s.Next(id(i), +1); ok != (k+1 < len(want)) || ok && next != want[k+1] {
				t.Fatalf("after session %d: %v, %v", i, next, ok)
			}
			if !found {
				k++
			}
			if last, ok := s.Next(id(i), -1); ok != (k-1 >= 0) || ok && last != want[k-1] {
				t.Fatalf("before session %d: %v, %v", i, last, ok)
			}
		}
	}
}

// TestStraysAreBounded: ids that nobody listed, entered at random, are forgotten
// one day; those of a list are not.
func TestStraysAreBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	s := NewSessions(func() time.Time { return now })
	id := func(n int) veriff.SessionID { return veriff.SessionID{1, byte(n >> 16), byte(n >> 8), byte(n)} }
	listed := []veriff.SessionID{id(1), id(2)}
	s.Set(listed)
	for n := range 3 * straysAtMost {
		s.Lose(id(n), now.Add(time.Hour))
	}
	if n := len(s.absent.until); n > straysAtMost+len(listed) {
		t.Errorf("%d absent sessions are remembered", n)
	}
	for _, l := range listed {
		if !s.Absent(l) {
			t.Errorf("listed session %v is taken for there", l)
		}
	}
	if all, _ := s.All(); len(all) != 0 {
		t.Errorf("%d sessions", len(all))
	}
}

// TestAttemptsAfterATombstone: an attempt is back as soon as its tombstone falls,
// for all who ask.
func TestAttemptsAfterATombstone(t *testing.T) {
	now := time.Unix(1000, 0)
	id := veriff.AttemptID{1}
	a := NewAttempts(func() time.Time { return now }, func() (iter.Seq[veriff.AttemptID], uint64) {
		return slices.Values([]veriff.AttemptID{id}), 1
	})
	_, before := a.All()
	a.Lose(id, now.Add(time.Minute))
	all, lost := a.All()
	if len(all) != 0 || !a.Gone(id) || lost == before {
		t.Errorf("lost: %v, gone %v, version %d after %d", all, a.Gone(id), lost, before)
	}
	now = now.Add(time.Minute)
	all, again := a.All()
	if len(all) != 1 || a.Gone(id) || again == lost {
		t.Errorf("later: %v, gone %v, version %d after %d", all, a.Gone(id), again, lost)
	}
}
