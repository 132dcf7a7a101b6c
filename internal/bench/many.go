//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// crowd is many processes that read the walked set at once.
type crowd struct {
	*bench
	s *standin
	// Paths below a mount, those of each session together, in the order of a walk.
	ours, rclones [][]string
}

const rcloneMount = "rclone mount"

// crowdSizes are how many processes read at once.
var crowdSizes = []int{1, 4, 16, 64}

// cachedPasses is how often the cached files are read in a round, whatever the number of
// processes: for the tail of the times.
const cachedPasses = 4

// many measures many who read at once, and one who opens files by hand while another
// walks.
func many(b *bench) {
	c := &crowd{bench: b, s: startStandin()}
	defer c.s.stop()
	c.cached()
	for _, latency := range b.at(0, barLatency) {
		c.s.delay(latency)
		c.cold(latency)
	}
	if !b.hasRclone() {
		b.table.info("many at once, against rclone mount", noRclone)
	}
	byHand(b)
}

// sizes are fewer in a quick run.
func (c *crowd) sizes() []int {
	if c.quick {
		return crowdSizes[1:3]
	}
	return crowdSizes
}

// cached measures files that are cached and in the page cache.
func (c *crowd) cached() {
	walked, _ := c.s.set()
	m := c.mount(c.s, "many-cached", walked)
	defer m.end()
	c.ours = bySession(m.sessions)
	c.fill(m.sessions, c.ours)
	plain := filepath.Join(c.dir, "many-plain")
	c.timed("cp", "-r", m.sessions, plain)
	bare := c.mountBare(plain)
	defer bare.stop()
	c.fill(bare.point, c.ours)
	results := []crowdResult{{}, {name: "the bare go-fuse"}}
	dirs, files := []string{m.sessions, bare.point}, [][]string{slices.Concat(c.ours...), slices.Concat(c.ours...)}
	if c.hasRclone() {
		r := c.mountRclone(c.s)
		defer r.end()
		c.rclones = bySession(r.point)
		c.fill(r.point, c.rclones)
		results, dirs, files = append(results, crowdResult{name: rcloneMount}), append(dirs, r.point), append(files, slices.Concat(c.rclones...))
	}
	m.profileFromHere()
	for _, n := range c.sizes() {
		results := slices.Clone(results)
		each := make([]func() time.Duration, len(dirs))
		for i, dir := range dirs {
			each[i] = func() time.Duration {
				order := slices.Repeat(files[i], cachedPasses)
				rand.New(rand.NewPCG(1, uint64(n))).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
				return results[i].add(c.read(dir, deal(slices.Collect(slices.Chunk(order, 1)), n), cachedPasses))
			}
		}
		c.rows(processes(n)+" cached files", results, inTurns(c.turns(5, 2), each...))
	}
}

// fill has the cache of a mount filled.
func (c *crowd) fill(dir string, files [][]string) {
	note("filling the cache of %s", dir)
	c.read(dir, deal(files, connections), 1)
}

// cold measures files that are not cached: each mount is new, and each file is read once.
// So is each session's listing, by whoever opens its first file.
func (c *crowd) cold(latency time.Duration) {
	walked, _ := c.s.set()
	for _, n := range c.sizes() {
		results := make([]crowdResult, 1, 2)
		times := inTurns(c.rounds, func() time.Duration {
			m := c.mount(c.s, fmt.Sprintf("many-cold-%s-%d", latency, n), walked)
			defer m.end()
			return results[0].add(c.read(m.sessions, deal(c.ours, n), 1))
		})
		if c.rclones != nil { // once: at 50 ms it takes a minute
			results = append(results, crowdResult{name: rcloneMount})
			times = append(times, inTurns(1, func() time.Duration {
				m := c.mountRclone(c.s)
				defer m.end()
				return results[1].add(c.read(m.point, deal(c.rclones, n), 1))
			})...)
		}
		c.rows(fmt.Sprintf("%s cold files at %d ms", processes(n), latency.Milliseconds()), results, times)
	}
}

// crowdResult are the opens of all rounds of one contender.
type crowdResult struct {
	opens
	name  string // "" for veriffs
	files int    // read in a round
}

func (r *crowdResult) add(o opens, took time.Duration) time.Duration {
	r.opens.add(o)
	r.files = len(o.Open)
	return took
}

// read has a process for each list read it below a directory, the walked set so many
// times in all.
func (c *crowd) read(dir string, lists [][]string, passes int) (opens, time.Duration) {
	for _, files := range lists {
		for i := range files {
			files[i] = filepath.Join(dir, files[i])
		}
	}
	o, took := c.readers(lists)
	if len(o.Open) != passes*walkFiles || o.Bytes != int64(passes)*walkBytes {
		check(fmt.Errorf("%d files of %d bytes were read from %s", len(o.Open), o.Bytes, dir))
	}
	return o, took
}

// rows adds what was measured of veriffs and then of the others.
func (c *crowd) rows(measure string, results []crowdResult, times series) {
	speed := func(i int) string {
		return fmt.Sprintf("%.0f files/s", float64(results[i].files)/times.best(i).Seconds())
	}
	c.table.info(measure, "%s; %s", speed(0), results[0].opens)
	for i, other := range results[1:] {
		c.table.info("the same, "+other.name, "%s (%s × the time); %s", speed(i+1), number(times.ratio(i+1, 0)), other.opens)
	}
}

func processes(n int) string {
	if n == 1 {
		return "1 process reads"
	}
	return fmt.Sprintf("%d processes read", n)
}

// bySession returns the paths of the files below a directory, those of each session
// together.
func bySession(dir string) (sessions [][]string) {
	last := ""
	for _, path := range filesBelow(dir) {
		if session, _, _ := strings.Cut(path, "/"); session != last || len(sessions) == 0 {
			last, sessions = session, append(sessions, nil)
		}
		sessions[len(sessions)-1] = append(sessions[len(sessions)-1], path)
	}
	return sessions
}

// deal gives each of n readers its part of the groups, which are never torn apart: a run
// of neighbours, as people have who share out a list.
func deal(groups [][]string, n int) [][]string {
	lists := make([][]string, n)
	for i := range lists {
		lists[i] = slices.Concat(groups[i*len(groups)/n : (i+1)*len(groups)/n]...)
	}
	return lists
}
