package prefetch_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"veriffs/internal/prefetch"
)

// wire is a world whose files and lists take time to come, over sixteen connections:
// those that somebody waits for first.
type wire struct {
	*world
	latency        time.Duration
	queued, flying []*request
	came           map[string]bool
	sent           int
}

type request struct {
	key    string // of a file; for a list ls and the session
	urgent bool
	ends   time.Time
	came   func()
}

const connections = 16

func byKey(key string) func(*request) bool { return func(r *request) bool { return r.key == key } }

// ask asks for a file or a list that is not asked for yet.
func (w *wire) ask(key string, urgent bool, came func()) {
	for _, all := range [][]*request{w.queued, w.flying} {
		if n := slices.IndexFunc(all, byKey(key)); n >= 0 {
			all[n].urgent = all[n].urgent || urgent
			return
		}
	}
	w.queued = append(w.queued, &request{key: key, urgent: urgent, came: came})
}

// pass lets replies come for a time or, with a key, until it has come.
func (w *wire) pass(d time.Duration, key string) {
	for end := w.now.Add(d); ; {
		for len(w.flying) < connections && len(w.queued) > 0 {
			n := max(0, slices.IndexFunc(w.queued, func(r *request) bool { return r.urgent }))
			r := w.queued[n]
			w.queued = slices.Delete(w.queued, n, n+1)
			r.ends = w.now.Add(w.latency)
			w.flying = append(w.flying, r)
			w.sent++
		}
		if len(w.flying) == 0 || key == "" && w.flying[0].ends.After(end) {
			w.now = end
			return
		}
		first := w.flying[0] // all take equally long
		w.flying = w.flying[1:]
		w.now = first.ends
		w.came[first.key] = true
		if first.came != nil {
			first.came()
		}
		if first.key == key {
			return
		}
	}
}

func (w *wire) carryOut(plan prefetch.Plan) {
	for _, id := range plan.Drop {
		given := func(r *request) bool { return r.key == name(id) && !r.urgent }
		w.queued, w.flying = slices.DeleteFunc(w.queued, given), slices.DeleteFunc(w.flying, given)
	}
	for _, id := range plan.List {
		w.list(int(id[0]), false)
	}
	for _, f := range plan.Fetch {
		if key := name(f.Listing.File(f.Index).ID); !w.came[key] {
			w.ask(key, false, nil)
		}
	}
}

func (w *wire) list(session int, urgent bool) string {
	key := fmt.Sprint("ls ", session)
	w.ask(key, urgent, func() {
		w.known[session] = true
		w.carryOut(w.Arrived())
	})
	return key
}

func (w *wire) enter(session int) {
	w.carryOut(w.Entered(w.sessions[session].dir.Session))
	if !w.known[session] {
		w.pass(0, w.list(session, true))
	}
	w.pass(time.Millisecond, "")
}

// read opens a file, and takes a millisecond to read it.
func (w *wire) read(session int, files ...int) {
	for _, file := range files {
		spot, key := prefetch.Spot{Listing: w.sessions[session], Index: file}, name(w.sessions[session].files[file].ID)
		w.carryOut(w.Opened(w.now, spot))
		if !w.came[key] {
			w.ask(key, true, nil)
			w.pass(0, key)
			w.Delivered(w.now, spot)
		}
		w.pass(time.Millisecond, "")
	}
}

// TestTimes is how long walks over 900 files in 100 sessions take, and how many
// requests, with 50 ms for each.
func TestTimes(t *testing.T) {
	const sessions, files = 100, 9
	byName := make([]int, sessions)
	for i := range byName {
		byName[i] = i
	}
	shuffled := func(n int) []int { return rand.New(rand.NewPCG(1, 2)).Perm(n) }
	for _, c := range []struct {
		name  string
		cold  bool
		walk  func(*wire)
		took  time.Duration
		asked int
	}{
		{"cp -r", true, func(w *wire) {
			for _, s := range byName {
				w.enter(s)
				w.read(s, 0, 1, 2, 3, 4, 5, 6, 7, 8)
			}
		}, 3316 * time.Millisecond, 1000},
		{"rsync -a", true, func(w *wire) {
			for ten := range slices.Chunk(byName, 10) {
				for _, s := range ten {
					w.enter(s)
				}
				for _, s := range ten {
					w.read(s, 0, 1, 2, 3, 4, 5, 6, 7, 8)
				}
			}
		}, 3262 * time.Millisecond, 1000},
		{"rsync -aL by-context/", false, func(w *wire) {
			for _, s := range byName {
				w.read(s, 1, 7, 0, 4, 3, 6, 5, 8, 2)
			}
		}, 2961 * time.Millisecond, 900},
		{"ls -t", false, func(w *wire) {
			for _, s := range w.byDate {
				w.read(s, 0, 1, 2, 3, 4, 5, 6, 7, 8)
			}
		}, 2919 * time.Millisecond, 907},
		{"by-context/*/face.*", false, func(w *wire) {
			for _, s := range byName {
				w.read(s, 0)
			}
		}, 468 * time.Millisecond, 100},
		{"sessions shuffled", false, func(w *wire) {
			for _, s := range shuffled(sessions) {
				w.read(s, 0, 1, 2, 3, 4, 5, 6, 7, 8)
			}
		}, 4615 * time.Millisecond, 900},
		{"files shuffled", false, func(w *wire) {
			for _, i := range shuffled(sessions * files) {
				w.read(i/files, i%files)
			}
		}, 15269 * time.Millisecond, 903},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &wire{world: newWorld(sessions, files, 300), latency: 50 * time.Millisecond, came: make(map[string]bool)}
			for i := range sessions {
				w.known[i] = !c.cold
			}
			begun := w.now
			c.walk(w)
			if took := w.now.Sub(begun); took != c.took || w.sent != c.asked {
				t.Errorf("%s with %d requests, want %s with %d", took, w.sent, c.took, c.asked)
			}
		})
	}
}
