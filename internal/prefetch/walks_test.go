package prefetch_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/internal/prefetch"
)

// TestWalks goes through a hundred sessions of nine files as tools do, and
// compares what came of it.
func TestWalks(t *testing.T) {
	const sessions, files = 100, 9
	all := func(w *world, sessions []int, files ...int) {
		for _, s := range sessions {
			for _, f := range files {
				w.open(s, f)
			}
		}
	}
	byName, backward := make([]int, sessions), make([]int, sessions)
	for i := range byName {
		byName[i], backward[i] = i, sessions-1-i
	}
	shuffled := func(n int) []int { return rand.New(rand.NewPCG(1, 2)).Perm(n) }
	for _, c := range []struct {
		name string
		cold bool // no list is known
		walk func(*world)
		want sum
	}{
		{"cp -r, grep -r, tar", true, func(w *world) {
			for _, s := range byName {
				w.enter(s)
				all(w, []int{s}, 0, 1, 2, 3, 4, 5, 6, 7, 8)
			}
		}, sum{Opened: 900, Waited: 2, Asked: 1, Most: 136}},
		{"rsync -a, which lists ten sessions before it opens files", true, func(w *world) {
			for s := 0; s < sessions; s += 10 {
				for _, s := range byName[s : s+10] {
					w.enter(s)
				}
				all(w, byName[s:s+10], 0, 1, 2, 3, 4, 5, 6, 7, 8)
			}
		}, sum{Opened: 900, Waited: 2, Asked: 2, Most: 136}},
		{"find", true, func(w *world) {
			for _, s := range byName {
				w.enter(s)
			}
		}, sum{Asked: 2}},
		{"find, most sessions empty", true, func(w *world) {
			for _, s := range byName {
				if s%20 > 1 {
					w.sessions[s].files = nil
				}
			}
			for _, s := range byName {
				w.enter(s)
			}
		}, sum{Asked: 5}},
		{"cp -r, some sessions empty", true, func(w *world) {
			for _, s := range byName {
				if s%4 == 3 {
					w.sessions[s].files = nil
				}
			}
			for _, s := range byName {
				if w.enter(s); s%4 != 3 {
					all(w, []int{s}, 0, 1, 2, 3, 4, 5, 6, 7, 8)
				}
			}
		}, sum{Opened: 675, Waited: 2, Asked: 1, Most: 136}},
		{"backward", false, func(w *world) { all(w, backward, 8, 7, 6, 5, 4, 3, 2, 1, 0) }, sum{Opened: 900, Waited: 2, Most: 136}},
		{"rsync -aL by-context/", false, func(w *world) { all(w, byName, 1, 7, 0, 4, 3, 6, 5, 8, 2) }, sum{Opened: 900, Waited: 3, Most: 136}},
		{"ls -t", false, func(w *world) { all(w, w.byDate, 0, 1, 2, 3, 4, 5, 6, 7, 8) }, sum{Opened: 900, Waited: 2, Most: 226}},
		{"ls -tr", false, func(w *world) {
			slices.Reverse(w.byDate)
			order := slices.Clone(w.byDate)
			slices.Reverse(w.byDate)
			all(w, order, 8, 7, 6, 5, 4, 3, 2, 1, 0)
		}, sum{Opened: 900, Waited: 2, Most: 226}},
		{"by-context/*/face.*", false, func(w *world) { all(w, byName, 0) }, sum{Opened: 100, Waited: 3, Most: 91}},
		{"by-context/*/{front,back}.*", false, func(w *world) { all(w, byName, 3, 1) }, sum{Opened: 200, Waited: 3, Unread: 19, Most: 147}},
		{"two at work", false, func(w *world) {
			for i := 0; i < sessions*files; i += 2 {
				w.open((i+1)/files, (i+1)%files)
				w.open(i/files, i%files)
			}
		}, sum{Opened: 900, Waited: 4, Most: 136}},
		{"four at work", false, func(w *world) {
			for i := 0; i < sessions*files; i += 4 {
				for _, k := range shuffled(4) {
					w.open((i+k)/files, (i+k)%files)
				}
			}
		}, sum{Opened: 900, Waited: 3, Most: 136}},
		{"eight at work", false, func(w *world) {
			for i := 0; i+8 <= sessions*files; i += 8 {
				for _, k := range shuffled(8) {
					w.open((i+k)/files, (i+k)%files)
				}
			}
		}, sum{Opened: 896, Waited: 4, Unread: 4, Most: 136}},
		{"eight at work, by ls -t", false, func(w *world) {
			for i := 0; i+8 <= sessions*files; i += 8 {
				for _, k := range shuffled(8) {
					w.open(w.byDate[(i+k)/files], (i+k)%files)
				}
			}
		}, sum{Opened: 896, Waited: 4, Unread: 4, Most: 136}},
		{"sessions shuffled", false, func(w *world) { all(w, shuffled(sessions), 0, 1, 2, 3, 4, 5, 6, 7, 8) }, sum{Opened: 900, Waited: 48, Most: 255}},
		{"files shuffled", false, func(w *world) {
			for _, i := range shuffled(sessions * files) {
				w.open(i/files, i%files)
			}
		}, sum{Opened: 900, Waited: 179, Most: 537}},
		{"ten sessions here and there", false, func(w *world) { all(w, shuffled(sessions)[:10], 0, 1, 2, 3, 4, 5, 6, 7, 8) }, sum{Opened: 90, Waited: 7, Unread: 128, Most: 136}},
		{"by hand", false, func(w *world) {
			for _, i := range shuffled(sessions * files)[:100] {
				w.open(i/files, i%files)
				w.pass(prefetch.Pause)
			}
		}, sum{Opened: 100, Waited: 100}},
		{"by hand beside a walk", false, func(w *world) {
			for i, s := range []int{90, 90, 90, 91, 90, 95} {
				w.open(s, []int{4, 2, 7, 1, 0, 6}[i])
				for k := range 5 {
					w.pass(200 * time.Millisecond)
					w.open((5*i+k)/files, (5*i+k)%files)
				}
			}
			w.pass(2 * time.Second)
		}, sum{Opened: 36, Waited: 8, Unread: 128, Most: 136}},
		{"a walk stops", false, func(w *world) {
			all(w, byName[:50], 0, 1, 2, 3, 4, 5, 6, 7, 8)
			w.pass(2 * time.Second)
		}, sum{Opened: 450, Waited: 2, Unread: 128, Most: 136}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(sessions, files, 300)
			for i := range sessions {
				w.known[i] = !c.cold
			}
			c.walk(w)
			if diff := cmp.Diff(c.want, w.sum); diff != "" {
				t.Errorf("-want +got:\n%s\n%s", diff, strings.Join(w.plans[:min(len(w.plans), 40)], "\n"))
			}
		})
	}
}
