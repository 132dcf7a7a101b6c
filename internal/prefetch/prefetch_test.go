package prefetch_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/internal/prefetch"
	"veriffs/veriff"
)

// TestTraces plays short traces in a world of eight sessions with four files, and
// compares each plan.
func TestTraces(t *testing.T) {
	for _, c := range []struct {
		name, trace string
		plans       []string
	}{
		{"one file by hand", "b1", nil},
		{"the first file", "a0", nil},
		{"one file again and again", "b1 b1 . b1", nil},
		{"here and there", "a1 a3 c2 d0 f1", nil},
		{"here and there by hand", "a0 . a2 . b3 . b1 . b3 . c1 . d1", nil},
		{"forward", "a0 a1 a2 a3 b0", []string{
			"a1: +a2 +a3",
			"a2: +b0 +b1 +b2 +b3",
			"a3: +c0 +c1 +c2 +c3",
			"b0: +d0 +d1 +d2 +d3 +e0 +e1 +e2 +e3 +f0 +f1 +f2 +f3",
		}},
		{"from the middle", "c2 c3 d0", []string{
			"c3: +d0 +d1",
			"d0: +d2 +d3 +e0 +e1 +e2 +e3",
		}},
		{"backward", "c3 c2 c1", []string{
			"c2: +c1 +c0",
			"c1: +b3 +b2 +b1 +b0",
		}},
		{"any order within a session", "a2 a0 a3 a1 b2", []string{
			"a3: +a1 +b0 +b1 +b2 +b3 +c0 +c1 +c2 +c3",
			"a1: +d0 +d1 +d2 +d3 +e0 +e1 +e2 +e3",
			"b2: +f0 +f1 +f2 +f3 +g0 +g1 +g2 +g3 +h0 +h1 +h2 +h3",
		}},
		{"any order, over a slow wire", "a2! a0! a3! a1", []string{
			"a3: +a1 +b0 +b1 +b2 +b3 +c0 +c1 +c2 +c3",
			"a1: +d0 +d1 +d2 +d3 +e0 +e1 +e2 +e3",
		}},
		{"by hand, over a slow wire", "a2! . a0! . a3! . a1!", nil},
		{"forward, over a slow wire", "a0! a1! a2! a3!", []string{
			"a1: +a2 +a3",
			"a2: +b0 +b1 +b2 +b3",
			"a3: +c0 +c1 +c2 +c3",
		}},
		{"in the order of ls -t", "a0 a1 a2 a3 d0 d1 d2 d3 g0 g1", []string{
			"a1: +a2 +a3",
			"a2: +b0 +b1 +b2 +b3",
			"a3: +c0 +c1 +c2 +c3",
			"d0: -c0 -c1 -c2 -c3 +d1 +d2 +d3 +g0 +g1 +g2 +g3 +b0 +b1 +b2 +b3 +e0 +e1 +e2 +e3 +h0 +h1 +h2 +h3",
			"d1: +c0 +c1 +c2 +c3 +f0 +f1 +f2 +f3",
		}},
		{"one kind", "a1 b1 c1 d1", []string{
			"c1: +d1 +e1",
			"d1: +f1 +g1 +h1",
		}},
		{"two kinds", "a2 a0 b2 b0 c2 c0 d2", []string{
			"b2: +b0 +b1 +b3 +c0 +c1 +c2 +c3 +d0 +d1 +d2 +d3",
			"b0: +e0 +e1 +e2 +e3 +f0 +f1 +f2 +f3",
			"c2: +g0 +g2 +h0 +h2",
		}},
		{"two at work", "a1 a0 a2 b0 a3 b1 b3 b2", []string{
			"a2: +a3",
			"b0: +b1 +b2 +b3 +c0 +c1 +c2 +c3 +d0 +d1 +d2 +d3 +e0 +e1 +e2 +e3 +f0 +f1 +f2",
			"a3: +f3 +g0 +g1 +g2 +g3 +h0 +h1 +h2 +h3",
		}},
		{"a walk stops", "a0 a1 a2 .", []string{
			"a1: +a2 +a3",
			"a2: +b0 +b1 +b2 +b3",
			"pause: -a3 -b0 -b1 -b2 -b3",
		}},
		{"a walk goes on after a pause", "a0 a1 . a2", []string{
			"a1: +a2 +a3",
			"pause: -a2 -a3",
			"a2: +a3 +b0 +b1",
		}},
		{"another file after a pause", "a0 a1 . a3 . b0", []string{
			"a1: +a2 +a3",
			"pause: -a2 -a3",
		}},
		{"a file that was opened before", "a0 a1 a2 a1 a3", []string{
			"a1: +a2 +a3",
			"a2: +b0 +b1 +b2 +b3",
			"a3: +c0 +c1 +c2 +c3",
		}},
		{"a file is passed over", "a0 a1 a3 b0 b1 b2 b3 c0 c1 c2 c3 d0 d1 d2 d3", []string{
			"a1: +a2 +a3",
			"a3: +b0 +b1 +b2 +b3",
			"b0: +c0 +c1 +c2 +c3 +d0 +d1 +d2",
			"b1: +d3 +e0 +e1 +e2 +e3 +f0 +f1 +f2",
			"b2: +f3 +g0 +g1 +g2 +g3 +h0 +h1 +h2 +h3",
			"d3: -a2",
		}},
		{"lists that are not known", "?b ?c ?d @a a0 a1 a2 a3 @b b0", []string{
			"a1: +a2 +a3",
			"a2: ls b",
			"arrived: +b0 +b1 +b2 +b3",
			"a3: ls c ls d",
			"arrived: +c0 +c1 +c2 +c3",
			"b0: +d0 +d1 +d2 +d3 +e0 +e1 +e2 +e3 +f0 +f1 +f2 +f3",
		}},
		{"find", "?c ?d ?e ?f @a @b @c @d", []string{
			"ls b: ls c ls d",
			"ls c: ls e ls f",
		}},
		{"find, backward", "?e ?d ?c @h @g @f", []string{
			"ls g: ls e",
			"ls f: ls d ls c",
		}},
		{"sessions entered here and there", "?a ?b ?c ?d @a @c @f @d", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(8, 4, unlimited)
			w.play(c.trace)
			if diff := cmp.Diff(c.plans, w.plans); diff != "" {
				t.Errorf("plans (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAttempt: the files of an attempt are run ahead of, and no others.
func TestAttempt(t *testing.T) {
	w := newWorld(8, 4, unlimited)
	w.sessions[1].dir.Attempt = veriff.AttemptID{1}
	w.play("b0 b1 b2 b3 c0 c1")
	want := []string{"b1: +b2 +b3", "c1: +c2 +c3"}
	if diff := cmp.Diff(want, w.plans); diff != "" {
		t.Errorf("plans (-want +got):\n%s", diff)
	}
}

// TestListFails: a list that could not be had is asked for again with the next
// file, not at once.
func TestListFails(t *testing.T) {
	w := newWorld(3, 3, unlimited)
	w.known[1] = false
	for file, want := range []int{0, 1, 1} {
		plan := w.Opened(w.now, prefetch.Spot{Listing: w.sessions[0], Index: file})
		if len(plan.List) != want {
			t.Errorf("after file %d %d sessions are listed, not %d", file, len(plan.List), want)
		}
		if plan := w.Arrived(); len(plan.List) > 0 {
			t.Errorf("after file %d a list that failed is asked for at once", file)
		}
	}
}

// TestPromises: whatever happens, a file that is fetched is opened or dropped,
// once, nothing else is dropped, the budget is kept, and in the end nothing is
// expected.
func TestPromises(t *testing.T) {
	const budget = 60
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(40, 9, budget)
		expected := make(map[veriff.MediaID]bool)
		check := func(plan prefetch.Plan) {
			for _, id := range plan.Drop {
				if !expected[id] {
					t.Fatalf("seed %d: %s is dropped and was not expected", seed, name(id))
				}
				delete(expected, id)
			}
			for _, s := range plan.Fetch {
				expected[s.Listing.File(s.Index).ID] = true
			}
			for id := range expected {
				if !w.Expects(id) {
					t.Fatalf("seed %d: %s is neither expected nor dropped", seed, name(id))
				}
			}
			if len(expected) > budget {
				t.Fatalf("seed %d: %d files are expected", seed, len(expected))
			}
		}
		session, file := 0, 0
		for range 3000 {
			w.now = w.now.Add(time.Duration(random.ExpFloat64() * float64(100*time.Millisecond)))
			switch random.IntN(12) {
			case 0:
				session, file = random.IntN(40), random.IntN(9)
			case 1:
				session = (session + 1) % 40
			case 2:
				file = random.IntN(9)
			case 3:
				w.known[random.IntN(40)] = random.IntN(2) == 0
				check(w.Arrived())
			case 4:
				check(w.Entered(w.sessions[random.IntN(40)].dir.Session))
			case 5:
				plan, _ := w.Passed(w.now)
				check(plan)
			default:
				if file++; file == 9 {
					session, file = (session+1)%40, 0
				}
			}
			spot := prefetch.Spot{Listing: w.sessions[session], Index: file}
			delete(expected, w.sessions[session].files[file].ID)
			check(w.Opened(w.now, spot))
		}
		plan, again := w.Passed(w.now.Add(time.Hour))
		check(plan)
		if again || len(expected) > 0 {
			t.Errorf("seed %d: %d files are expected for ever", seed, len(expected))
		}
	}
}
