package fs_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"veriffs/veriff/sandbox"
)

// manySessions is a world to walk through.
var manySessions = sandbox.Options{Scale: sandbox.Scale{Sessions: 30, Files: 9, FileSize: 20_000}}

// TestWalkAhead walks with each tool, over a wire that takes its time: every
// file is fetched once, every session listed once, and while the tool waits
// for one file others are under way.
func TestWalkAhead(t *testing.T) {
	for tool, script := range map[string]string{
		"cp -r":    `cp -r sessions "$1/copy"; chmod -R u+w "$1/copy"`,
		"rsync -a": `rsync -a sessions "$1/"; chmod -R u+w "$1/sessions"`,
		"grep -r":  `grep -rc xyzzy sessions >/dev/null; true`,
		"tar":      `tar -C sessions -cf "$1/all.tar" .`,
		"backward": `ls -r sessions/*/* | xargs cat >/dev/null`,
	} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: manySessions})
			w.Set(sandbox.Match{}, sandbox.Latency(10*time.Millisecond))
			w.mustShell(script, t.TempDir())
			counts := w.Requests()
			asked := 0
			for _, n := range counts.ByPath {
				asked += n
			}
			// A machine that stumbles can make an answer late: then it was asked
			// for once more, and the client knows.
			again := int(w.client.Stats().Hedged.Sent)
			if want := 1 + 2*30 + 30*9; len(counts.ByPath) > want || asked > len(counts.ByPath)+again {
				t.Errorf("%d requests for %d things, of which %d were late", asked, len(counts.ByPath), again)
			}
			if n := counts.ByKind[sandbox.Media]; n < 270 || n > 270+again {
				t.Errorf("%d files were fetched, not 270", n)
			}
			if counts.Peak < 8 || counts.Peak > 16 {
				t.Errorf("at most %d requests were under way at once, want nearly 16", counts.Peak)
			}
		})
	}
}

// TestNoWalk does what is no walk: nothing is fetched that nobody opened.
func TestNoWalk(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: manySessions})
	names := slices.Sorted(maps.Keys(w.files()))
	for what, c := range map[string]struct {
		script string
		files  []string
	}{
		"one file":                {`cat "$1" "$1"; file "$1"`, names[9:10]},
		"here and there":          {`cat "$@"`, []string{names[30], names[35], names[90], names[105], names[200]}},
		"here and there, by hand": {`for f; do cat "$f"; sleep 1.2; done`, []string{names[120], names[125], names[122], names[180], names[124]}},
	} {
		w.ResetRequests()
		w.mustShell(`ls -l "$(dirname "$1")" >/dev/null; `+c.script+` >/dev/null`, c.files...)
		w.settle()
		if n := w.Requests().ByKind[sandbox.Media]; n != len(c.files) {
			t.Errorf("%s: %d files were fetched", what, n)
		}
	}
	w.ResetRequests()
	w.mustShell(`find sessions -ls; ls -lR sessions; du -a sessions`)
	w.settle()
	if n := w.Requests().ByKind[sandbox.Media]; n != 0 {
		t.Errorf("find, ls and du: %d files were fetched", n)
	}
}

// TestWalkInAnotherOrder walks in orders other than the directories': while the
// tool waits for one file others are under way, and little is fetched in vain.
// More orders are in TestWalks of package prefetch.
func TestWalkInAnotherOrder(t *testing.T) {
	const all = "sessions/*/*"
	const window = 128 // files asked for in vain or twice, at most: the first guess may be wrong
	for order, c := range map[string]struct {
		script string
		files  string // that are opened
	}{
		"by names for people": {`rsync -aL by-context "$1/"; chmod -R u+w "$1"`, all},
		"newest first":        {`ls -t sessions/*/* | xargs cat >/dev/null`, all},
		"sessions, shuffled":  {`for s in $(ls sessions | shuf); do cat sessions/$s/* >/dev/null; done`, all},
		"files, shuffled":     {`ls sessions/*/* | shuf | xargs cat >/dev/null`, all},
		"one kind":            {`cat by-context/*/document-*.* >/dev/null`, "by-context/*/document-*.*"},
		"several at once":     {`ls sessions/*/* | xargs -P 4 -n 1 cat >/dev/null`, all},
	} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: manySessions})
			w.mustShell(`ls -lR sessions by-context >/dev/null`) // the dates, by which ls -t sorts
			w.ResetRequests()
			w.Set(sandbox.Match{}, sandbox.Latency(10*time.Millisecond))
			w.mustShell(c.script, t.TempDir())
			counts := w.Requests()
			opened, err := filepath.Glob(w.path(c.files))
			if err != nil {
				t.Fatal(err)
			}
			n, again := counts.ByKind[sandbox.Media], int(w.client.Stats().Hedged.Sent)
			t.Logf("%d files fetched for %d, %d requests at once, %d late", n, len(opened), counts.Peak, again)
			if n < len(opened) || n > len(opened)+window+again {
				t.Errorf("%d files were fetched for %d that were opened", n, len(opened))
			}
			if counts.Peak < 4 {
				t.Errorf("at most %d requests were under way at once", counts.Peak)
			}
		})
	}
}

// TestByHandBesideAWalk opens pictures by hand while a tool goes through other
// sessions: these are all that is fetched of theirs.
func TestByHandBesideAWalk(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: manySessions})
	names := slices.Sorted(maps.Keys(w.files()))
	w.mustShell(`
		(for f in $(ls -d sessions/*/* | head -24); do cat "$f" >/dev/null; sleep 0.25; done) &
		for f; do cat "$f" >/dev/null; sleep 1.2; done; wait`, names[220], names[224], names[217], names[222])
	w.settle()
	fetched := 0
	for i, name := range names[216:225] {
		n := w.Requests().ByPath["/v1/media/"+strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))]
		if fetched += n; n > 0 && !slices.Contains([]int{220, 224, 217, 222}, 216+i) {
			t.Errorf("%s was fetched and not opened", name)
		}
	}
	if fetched != 4 {
		t.Errorf("%d files of that session were fetched", fetched)
	}
}

// settle waits until no request has been made for longer than a walk may pause.
func (w *world) settle() {
	for last := -1; ; {
		n := w.Requests().Total
		if n == last {
			return
		}
		last = n
		time.Sleep(1500 * time.Millisecond)
	}
}

// TestWalkStops: a walk that is stopped half way leaves at most its window
// unread, and is over soon after.
func TestWalkStops(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: manySessions})
	w.Set(sandbox.Match{}, sandbox.Latency(10*time.Millisecond))
	names := slices.Sorted(maps.Keys(w.files()))[:60]
	for _, name := range names {
		if _, err := os.ReadFile(w.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	if n := w.Requests().ByKind[sandbox.Media]; n <= len(names) || n > len(names)+128 {
		t.Errorf("%d files were fetched for %d that were opened", n, len(names))
	}
}
