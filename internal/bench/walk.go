//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// tool walks from a directory to a place of its own.
type tool struct {
	name string
	bars bars
	args func(from, to string) []string
}

// bars are the goals of a cold walk: at each delay, how many times as long as curl it may
// take, over TLS and without.
type bars map[time.Duration]float64

var (
	copyBars  = bars{0: 2, 5 * time.Millisecond: 1.3, 20 * time.Millisecond: 1.1, barLatency: 1}
	otherBars = bars{barLatency: 1.05}
)

// cpuBar is the processor time that the mount may take for a cold cp -r without a delay, in
// seconds for a gigabyte.
const cpuBar = 5

var tools = []tool{
	{"cp -r", copyBars, func(from, to string) []string { return []string{"cp", "-r", from, to} }},
	{"rsync -a", otherBars, func(from, to string) []string { return []string{"rsync", "-a", from + "/", to} }},
	{"grep -r", otherBars, func(from, _ string) []string { return []string{"grep", "-r", "no such text", from} }},
	{"tar", otherBars, func(from, to string) []string { return []string{"tar", "-cf", to + ".tar", "-C", from, "."} }},
}

// otherOrders walk in orders other than the directories'. They start with the
// lists known: without those nobody could sort by date.
var otherOrders = []tool{
	{"rsync -aL by-context/", nil, func(from, to string) []string { return []string{"rsync", "-aL", from + "/../by-context/", to} }},
	{"cat in the order of ls -t", nil, shell("ls -t %s/*/* | xargs cat")},
	{"cat, the sessions shuffled", nil, shell("cd %s; for s in $(ls | shuf); do cat $s/*; done")},
	{"cat, the files shuffled", nil, shell("ls %s/*/* | shuf | xargs cat")},
}

func shell(script string) func(from, to string) []string {
	return func(from, to string) []string {
		return []string{"sh", "-c", fmt.Sprintf("mkdir %s && { "+script+"; } >%s/all", to, from, to)}
	}
}

const (
	rcloneBar  = 14                    // how many times faster than rclone a cold cp -r has to be
	barLatency = 50 * time.Millisecond // of a request in life
	slow       = 8 * time.Second       // one round of a walk that takes this long is enough
)

// perGB returns processor time in seconds for a gigabyte of the walked set.
func perGB(cpu time.Duration) float64 { return cpu.Seconds() / (walkBytes / 1e9) }

// walks measures the first walk over everything, with nothing cached.
func (b *bench) walks() {
	s := startStandin()
	defer s.stop()
	for _, latency := range b.at(0, 5*time.Millisecond, 20*time.Millisecond, barLatency) {
		s.delay(latency)
		var copied time.Duration
		for _, t := range tools {
			if took := b.walk(s, t, latency, false); copied == 0 {
				copied = took
			}
		}
		b.rcloneWalk(s, latency, copied)
		if latency == barLatency {
			for _, t := range otherOrders {
				b.walk(s, t, latency, true)
			}
		}
	}
}

// cold is what a walk with nothing cached showed.
type cold struct {
	times        series         // of the tool, and of curl
	cpu, curlCPU time.Duration  // of the mount and of curl, in the last round
	memory, peak int64          // of the mount, in the last round
	files, lists map[string]int // requests by id, in the last round
}

// cold walks with one tool, by turns with curl, and returns the error of a tool that
// fails. If listed, the mount knows the lists before.
func (b *bench) cold(s *standin, t tool, name string, listed bool) (c cold, _ error) {
	c.times = make(series, 2)
	walked, _ := s.set()
	round := func(n int) (took time.Duration, err error) {
		m := b.mount(s, fmt.Sprintf("%s-%d", name, n), walked)
		defer m.end()
		dir := must(os.MkdirTemp(b.memory, "copy-"))
		defer os.RemoveAll(dir)
		if listed {
			b.timed("ls", "-lR", m.sessions)
		}
		s.reset()
		args, before := t.args(m.sessions, filepath.Join(dir, "copy")), m.cpu()
		if took, _, err = b.try(args[0], args[1:]...); err != nil {
			return 0, err
		}
		c.cpu = m.cpu() - before
		c.memory, c.peak = m.memory()
		c.files, c.lists = s.requests("media"), s.requests("sessions")
		checkCopy(t.name, dir)
		return took, nil
	}
	for n := range b.rounds {
		var byCurl time.Duration
		byCurl, c.curlCPU = b.curlAll(s, walked)
		took, err := round(n + 1)
		if errors.As(err, new(*exec.ExitError)) {
			return c, err
		}
		check(err)
		c.times[0], c.times[1] = append(c.times[0], took), append(c.times[1], byCurl)
		if took > slow {
			break
		}
	}
	return c, nil
}

// failed adds a row for a tool that fails on the mount, which is a result, if a bad one.
func (t *table) failed(measure string, err error) {
	t.add(row{measure, "no error", strings.TrimSpace(err.Error()), missed})
}

// walk measures one tool at one latency and returns its best time, 0 if it
// failed. If listed, the mount knows the lists before.
func (b *bench) walk(s *standin, t tool, latency time.Duration, listed bool) time.Duration {
	measure := fmt.Sprintf("cold `%s` at %d ms", t.name, latency.Milliseconds())
	ofThat := fmt.Sprintf(" of that `%s`", t.name)
	c, err := b.cold(s, t, fmt.Sprintf("walk-%s-%s", strings.Map(letters, t.name), latency), listed)
	if err != nil {
		b.table.failed(measure, err)
		return 0
	}
	measure += ", times curl parallel"
	if listed {
		measure += ", the lists known"
	}
	b.table.timesCurl(measure, c, t.bars[latency])
	again, mostLists := 0, 0
	for _, n := range c.files {
		again += n - 1
	}
	for _, n := range c.lists {
		mostLists = max(mostLists, n)
	}
	asked := fmt.Sprintf("%d files, %d more than once", len(c.files), again)
	switch {
	case listed:
		b.table.info("requests"+ofThat, "%s", asked)
	case latency == barLatency:
		b.table.add(row{"requests" + ofThat, "one a file, ≤ 2 a session", fmt.Sprintf("%s; ≤ %d a session", asked, mostLists),
			verdictOf(len(c.files) == walkFiles && again == 0 && mostLists <= 2)})
	}
	if t.name == "cp -r" {
		b.table.processorTime("processor time"+ofThat, c, latency)
		b.table.info("memory"+ofThat, "%s, at most %s", megabytes(c.memory), megabytes(c.peak))
	}
	return c.times.best(0)
}

// timesCurl adds a row for the time of a walk; a bar of 0 is none.
func (t *table) timesCurl(measure string, c cold, bar float64) {
	if bar == 0 {
		t.info(measure, "%.2f × (%s to %s)", c.times.ratio(0, 1), c.times.show(0), c.times.show(1))
		return
	}
	t.atMost(measure, c.times.ratio(0, 1), bar, " ×", "%s to %s", c.times.show(0), c.times.show(1))
}

// processorTime adds a row for that of the mount, and tells curl's.
func (t *table) processorTime(measure string, c cold, latency time.Duration) {
	besides := fmt.Sprintf("curl, which verifies and seals nothing: %.1f s/GB", perGB(c.curlCPU))
	if latency > 0 {
		t.info(measure, "%.1f s/GB (%s)", perGB(c.cpu), besides)
		return
	}
	t.atMost(measure, perGB(c.cpu), cpuBar, " s/GB", "%s", besides)
}

// letters keeps lower-case letters alone, for a name in a path.
func letters(r rune) rune {
	if 'a' <= r && r <= 'z' {
		return r
	}
	return -1
}

// checkCopy fails unless a walk brought everything.
func checkCopy(tool, dir string) {
	if tool == "grep -r" {
		return // the count of requests shows it
	}
	var files, bytes int64
	check(filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files, bytes = files+1, bytes+must(e.Info()).Size()
		}
		return err
	}))
	switch {
	case tool == "tar" && bytes > walkBytes:
	case (files == 1 || files == walkFiles) && bytes == walkBytes:
	default:
		check(fmt.Errorf("%s brought %d files of %d bytes", tool, files, bytes))
	}
}

// rcloneWalk compares the cold cp -r with one through rclone.
func (b *bench) rcloneWalk(s *standin, latency, ours time.Duration) {
	if !b.hasRclone() {
		if latency == barLatency {
			b.table.info("against rclone mount", noRclone)
		}
		return
	}
	m := b.mountRclone(s)
	defer m.end()
	dir := must(os.MkdirTemp(b.memory, "rclone-"))
	defer os.RemoveAll(dir)
	cold := b.timed("cp", "-r", m.point, filepath.Join(dir, "copy"))
	checkCopy("cp -r", dir)
	measure := fmt.Sprintf("cold `cp -r` at %d ms, times faster than rclone mount", latency.Milliseconds())
	ratio := float64(cold) / float64(ours)
	if latency != barLatency {
		b.table.info(measure, "%.1f × (%s to %s)", ratio, seconds(ours), seconds(cold))
		return
	}
	b.table.atLeast(measure, ratio, rcloneBar, " ×", "%s to %s", seconds(ours), seconds(cold))
	now, peak := m.memory()
	b.table.info("memory of rclone mount after it", "%s, at most %s; %.1f s/GB of processor time", megabytes(now), megabytes(peak), perGB(m.cpu()))
}
