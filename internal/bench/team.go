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
func (b *bench) team() {
	b.teamWalks()
	b.members()
}

// teamWalks has one member walk over everything, and then another.
func (b *bench) teamWalks() {
	s := startStandin()
	defer s.stop()
	store := b.startStorage()
	defer store.stop()
	s.relay(store, false)
	for _, latency := range []time.Duration{teamLatency, barLatency} {
		s.delay(latency)
		b.firstMember(s, store, latency)
		b.secondMember(s, store, latency)
	}
}

// bounded adds a ratio, with a bar at the latency that the bars are set at.
func (b *bench) bounded(measure string, latency time.Duration, ratio, bar float64, more string, args ...any) {
	measure = fmt.Sprintf(measure, latency.Milliseconds())
	if latency == teamLatency {
		b.table.atMost(measure, ratio, bar, " ×", more, args...)
		return
	}
	b.table.info(measure, "%s × (%s)", number(ratio), fmt.Sprintf(more, args...))
}

// firstMember compares the first walk of all, which fills the store, with one without a
// store.
func (b *bench) firstMember(s *standin, store *storage, latency time.Duration) {
	walked, _ := s.set()
	times := make(series, 2)
	added := 0
	for round := range b.turns(5, 1) {
		prefix := fmt.Sprintf("first-%s-%d", latency, round)
		for i := range 2 {
			i = (i + round) % 2
			var options []string
			if i == 0 {
				options = s.team(prefix)
			}
			times[i] = append(times[i], b.copyOnce(s, fmt.Sprintf("first-%s-%d-%d", latency, i, round), walked, options...))
		}
		added = len(store.objects(prefix))
	}
	b.bounded("cold `cp -r` at %d ms that fills a team store, times one without a store, medians of pairs", latency, times.pairs(0, 1), 1.05,
		"%s to %s; then %d of %d files are in the store", seconds(times.median(0)), seconds(times.median(1)), added, walkFiles)
}

// copyOnce returns the time of a cold cp -r by a new mount, which has shared what it has
// fetched when this returns.
func (b *bench) copyOnce(s *standin, name string, walked []sandbox.Session, options ...string) time.Duration {
	m := b.mount(s, name, walked, options...)
	defer m.end()
	dir := must(os.MkdirTemp(b.memory, "copy-"))
	defer os.RemoveAll(dir)
	took := b.timed("cp", "-r", m.sessions, filepath.Join(dir, "copy"))
	checkCopy("cp -r", dir)
	return took
}

// secondMember compares a walk that the store has everything for with curl. A busy machine
// must not make it ask the API as well, so it is patient.
func (b *bench) secondMember(s *standin, store *storage, latency time.Duration) {
	walked, _ := s.set()
	prefix := "second-" + latency.String()
	options := append(s.team(prefix), "--team-store-patience", "1m")
	b.copyOnce(s, prefix+"-fill", walked, options...)
	names := store.objects(prefix)
	if len(names) != walkFiles {
		check(fmt.Errorf("the store has %d files, not %d", len(names), walkFiles))
	}
	s.reset()
	round := 0
	times := inTurns(b.turns(5, 1),
		func() time.Duration {
			round++
			return b.copyOnce(s, fmt.Sprintf("%s-%d", prefix, round), walked, options...)
		},
		func() time.Duration { return b.curlStore(s, prefix, names) })
	if n := len(s.requests("media")); n > 0 {
		check(fmt.Errorf("the second member has asked the API for %d files", n))
	}
	b.bounded("cold `cp -r` at %d ms from a team store that has all files, none of them requested from the API, times curl parallel on that store",
		latency, times.ratio(0, 1), 1.1, "%s to %s", times.show(0), times.show(1))
}

// curlStore fetches objects of the store by curl's parallel transfers.
func (b *bench) curlStore(s *standin, prefix string, names []string) time.Duration {
	c := curlConfig{s: s, dir: must(os.MkdirTemp(b.memory, "curl-"))}
	defer os.RemoveAll(c.dir)
	for i, name := range names {
		c.object(prefix+"/"+name, strconv.Itoa(i))
	}
	return b.timed("curl", "--silent", "--show-error", "--parallel", "--parallel-immediate",
		"--parallel-max", strconv.Itoa(connections), "--config", c.file())
}
