//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"veriffs/veriff/sandbox"
)

// teamLatency delays each request, those to the API and those to the store, where a bar is
// set. At it, two processors have little to spare.
const teamLatency = 20 * time.Millisecond

// team measures what a team store costs its first member and brings all others.
func team(b *bench) {
	walks := teamWalks{bench: b, s: startStandin()}
	defer walks.s.stop()
	walks.store = b.startStorage()
	defer walks.store.stop()
	walks.s.relay(walks.store, false)
	for _, latency := range []time.Duration{teamLatency, barLatency} {
		walks.s.delay(latency)
		walks.first(latency)
		walks.second(latency)
	}
	m := b.startMembers(sandbox.Scale{Sessions: memberSessions, Files: memberFiles, FileSize: memberFileSize})
	defer m.stop()
	m.measure()
}

// teamWalks are walks over everything by one member, and then by another.
type teamWalks struct {
	*bench
	s     *standin
	store *storage
}

// bounded adds a ratio, with a bar at the latency that the bars are set at.
func (w teamWalks) bounded(measure string, latency time.Duration, ratio, bar float64, more string, args ...any) {
	measure = fmt.Sprintf(measure, latency.Milliseconds())
	if latency == teamLatency {
		w.table.atMost(measure, ratio, bar, " ×", more, args...)
		return
	}
	w.table.info(measure, "%s × (%s)", number(ratio), fmt.Sprintf(more, args...))
}

// first compares the first walk of all, which fills the store, with one without a
// store.
func (w teamWalks) first(latency time.Duration) {
	times := make(series, 2)
	added := 0
	for round := range w.turns(5, 1) {
		prefix := fmt.Sprintf("first-%s-%d", latency, round)
		for i := range 2 {
			i = (i + round) % 2
			var options []string
			if i == 0 {
				options = w.s.team(prefix)
			}
			times[i] = append(times[i], w.copyOnce(fmt.Sprintf("first-%s-%d-%d", latency, i, round), options...))
		}
		added = len(w.store.objects(prefix))
	}
	w.bounded("cold `cp -r` at %d ms that fills a team store, times one without a store, medians of pairs", latency, times.pairs(0, 1), 1.05,
		"%s to %s; then %d of %d files are in the store", seconds(times.median(0)), seconds(times.median(1)), added, walkFiles)
}

// copyOnce returns the time of a cold cp -r by a new mount, which has shared what it has
// fetched when this returns.
func (w teamWalks) copyOnce(name string, options ...string) time.Duration {
	walked, _ := w.s.set()
	m := w.mount(w.s, name, walked, options...)
	defer m.end()
	dir := must(os.MkdirTemp(w.memory, "copy-"))
	defer os.RemoveAll(dir)
	took := w.timed("cp", "-r", m.sessions, filepath.Join(dir, "copy"))
	checkCopy("cp -r", dir)
	return took
}

// second compares a walk that the store has everything for with curl. A busy machine
// must not make it ask the API as well, so it is patient.
func (w teamWalks) second(latency time.Duration) {
	prefix := "second-" + latency.String()
	options := append(w.s.team(prefix), "--team-store-patience", "1m")
	w.copyOnce(prefix+"-fill", options...)
	names := w.store.objects(prefix)
	if len(names) != walkFiles {
		check(fmt.Errorf("the store has %d files, not %d", len(names), walkFiles))
	}
	w.s.reset()
	round := 0
	times := inTurns(w.turns(5, 1),
		func() time.Duration {
			round++
			return w.copyOnce(fmt.Sprintf("%s-%d", prefix, round), options...)
		},
		func() time.Duration { return w.curlStore(prefix, names) })
	if n := len(w.s.requests("media")); n > 0 {
		check(fmt.Errorf("the second member has asked the API for %d files", n))
	}
	w.bounded("cold `cp -r` at %d ms from a team store that has all files, none of them requested from the API, times curl parallel on that store",
		latency, times.ratio(0, 1), 1.1, "%s to %s", times.show(0), times.show(1))
}

// curlStore fetches objects of the store by curl's parallel transfers.
func (w teamWalks) curlStore(prefix string, names []string) time.Duration {
	c := curlConfig{s: w.s, dir: must(os.MkdirTemp(w.memory, "curl-"))}
	defer os.RemoveAll(c.dir)
	for i, name := range names {
		c.object(prefix+"/"+name, strconv.Itoa(i))
	}
	return w.timed("curl", "--silent", "--show-error", "--parallel", "--parallel-immediate",
		"--parallel-max", strconv.Itoa(connections), "--config", c.file())
}
