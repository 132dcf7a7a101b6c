//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"veriffs/veriff/sandbox"
)

// tool is who walks, from a directory to a place of its own.
type tool struct {
	name string
	bar  float64 // times curl; 0 for none
	args func(from, to string) []string
}

var tools = []tool{
	{"cp -r", 1.1, func(from, to string) []string { return []string{"cp", "-r", from, to} }},
	{"rsync -a", 1.2, func(from, to string) []string { return []string{"rsync", "-a", from + "/", to} }},
	{"grep -r", 1.2, func(from, _ string) []string { return []string{"grep", "-r", "no such text", from} }},
	{"tar", 1.2, func(from, to string) []string { return []string{"tar", "-cf", to + ".tar", "-C", from, "."} }},
}

// otherOrders walk in orders that are not the directories', which has to be
// found out. They know the lists, without which nobody could sort by date.
var otherOrders = []tool{
	{"rsync -aL by-context/", 0, func(from, to string) []string { return []string{"rsync", "-aL", from + "/../by-context/", to} }},
	{"cat in the order of ls -t", 0, shell("ls -t %s/*/* | xargs cat")},
	{"cat, the sessions shuffled", 0, shell("cd %s; for s in $(ls | shuf); do cat $s/*; done")},
	{"cat, the files shuffled", 0, shell("ls %s/*/* | shuf | xargs cat")},
}

func shell(script string) func(from, to string) []string {
	return func(from, to string) []string {
		return []string{"sh", "-c", fmt.Sprintf("mkdir %s && { "+script+"; } >%s/all", to, from, to)}
	}
}

// rcloneBar is how many times faster than rclone a cold cp -r is to be.
const rcloneBar = 14

// barLatency is the delay at which the bars are set.
const barLatency = 50 * time.Millisecond

// slow is how many times curl's time makes one round of a walk enough.
const slow = 3

// walks measures the first walk over everything, with nothing cached.
func (b *bench) walks(ctx context.Context) error {
	s, err := startStandin(ctx, spec{Walk: true})
	if err != nil {
		return err
	}
	defer s.stop()
	for _, latency := range b.latencies {
		if err := s.delay(latency); err != nil {
			return err
		}
		var copied time.Duration
		for _, tool := range tools {
			w := coldWalk{bench: b, s: s, tool: tool, latency: latency}
			took, err := w.run(ctx)
			if failed := new(exec.ExitError); errors.As(err, &failed) {
				// A tool that fails on the mount is a result, if a bad one.
				b.table.add(row{measure: fmt.Sprintf("cold `%s` at %d ms", tool.name, latency.Milliseconds()), bar: "no error",
					value: strings.TrimSpace(err.Error()), ok: missed})
				continue
			}
			if err != nil {
				return fmt.Errorf("%s at %v: %w", tool.name, latency, err)
			}
			if copied == 0 {
				copied = took
			}
		}
		if err := b.rcloneWalk(ctx, s, latency, copied); err != nil {
			return err
		}
		if latency != barLatency {
			continue
		}
		for _, tool := range otherOrders {
			w := coldWalk{bench: b, s: s, tool: tool, listed: true, latency: latency}
			if _, err := w.run(ctx); err != nil {
				return fmt.Errorf("%s at %v: %w", tool.name, latency, err)
			}
		}
	}
	return nil
}

// coldWalk is one tool at one latency.
type coldWalk struct {
	*bench
	tool
	s       *standin
	listed  bool // before, which is not counted
	latency time.Duration

	// Of the last round.
	counts       sandbox.Counts
	cpu, curlCPU time.Duration
	memory       memory
	round        int
}

func (w *coldWalk) run(ctx context.Context) (time.Duration, error) {
	var times series = make([][]time.Duration, 2)
	for range w.rounds {
		byCurl, err := w.curl(ctx)
		if err != nil {
			return 0, err
		}
		byMount, err := w.mounted(ctx)
		if err != nil {
			return 0, err
		}
		times[0], times[1] = append(times[0], byMount), append(times[1], byCurl)
		if byMount > slow*byCurl {
			break
		}
	}
	measure := fmt.Sprintf("cold `%s` at %d ms, times curl parallel", w.name, w.latency.Milliseconds())
	if w.listed {
		measure += ", the lists known"
	}
	if w.latency == barLatency && w.bar > 0 {
		w.table.atMost(measure, times.ratio(0, 1), w.bar, " ×", "%s to %s", seconds(times.best(0)), seconds(times.best(1)))
	} else {
		w.table.info(measure, "%.2f × (%s to %s)", times.ratio(0, 1), seconds(times.best(0)), seconds(times.best(1)))
	}
	w.requests()
	return times.best(0), nil
}

func (w *coldWalk) curl(ctx context.Context) (time.Duration, error) {
	dir, err := os.MkdirTemp(w.bench.memory, "curl-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	walked, _ := w.s.set()
	elapsed, cpu, err := curlAll(ctx, w.s, walked, dir)
	if err != nil {
		return 0, err
	}
	w.curlCPU = cpu
	return elapsed, nil
}

func (w *coldWalk) mounted(ctx context.Context) (time.Duration, error) {
	walked, _ := w.s.set()
	w.round++
	name := fmt.Sprintf("walk-%s-%s-%d", strings.Map(letters, w.name), w.latency, w.round)
	m, err := w.mount(ctx, w.s, name, walked)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp(w.bench.memory, "copy-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if w.listed {
		if _, _, err := timed(ctx, "ls", "-lR", m.sessions); err != nil {
			return 0, errors.Join(err, m.end())
		}
	}
	if err := w.s.reset(); err != nil {
		return 0, err
	}
	args := w.args(m.sessions, filepath.Join(dir, "copy"))
	before := m.cpu()
	elapsed, _, err := timed(ctx, args[0], args[1:]...)
	if err != nil {
		return 0, errors.Join(err, m.end())
	}
	w.cpu = m.cpu() - before
	if w.memory, err = m.child.memory(); err != nil {
		return 0, err
	}
	if w.counts, err = w.s.counts(); err != nil {
		return 0, err
	}
	if err := checkCopy(w.name, dir); err != nil {
		return 0, err
	}
	return elapsed, m.end()
}

// letters keeps what a name in a path can have.
func letters(r rune) rune {
	if 'a' <= r && r <= 'z' {
		return r
	}
	return -1
}

// checkCopy sees to it that a walk has brought all there is.
func checkCopy(tool, dir string) error {
	if tool == "grep -r" {
		return nil // the count of requests shows it
	}
	var files, bytes int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		files, bytes = files+1, bytes+info.Size()
		return nil
	})
	if err != nil {
		return err
	}
	if tool == "tar" && bytes > walkBytes || files == 1 && bytes == walkBytes || files == walkSessions*int64(len(sessionFiles)) && bytes == walkBytes {
		return nil
	}
	return fmt.Errorf("%s brought %d files of %d bytes", tool, files, bytes)
}

// requests judges what the last round asked for, and reports what it cost.
func (w *coldWalk) requests() {
	files, mostLists, again := 0, 0, 0
	lists := map[string]int{}
	for path, n := range w.counts.ByPath {
		switch kind, id := splitPath(path); kind {
		case "media":
			files++
			again += n - 1
		case "sessions":
			lists[id] += n
			mostLists = max(mostLists, lists[id])
		}
	}
	if w.listed {
		w.table.info(fmt.Sprintf("requests of that `%s`", w.name), "%d files, %d more than once", files, again)
	} else if w.latency == barLatency {
		r := row{measure: fmt.Sprintf("requests of that `%s`", w.name), bar: "one a file, ≤ 2 a session",
			value: fmt.Sprintf("%d files, %d more than once; ≤ %d a session", files, again, mostLists), ok: missed}
		if files == walkSessions*len(sessionFiles) && again == 0 && mostLists <= 2 {
			r.ok = met
		}
		w.table.add(r)
	}
	if w.name == "cp -r" {
		perGB := func(d time.Duration) float64 { return d.Seconds() / (walkBytes / 1e9) }
		w.table.info(fmt.Sprintf("processor time of that `%s`", w.name), "%.1f s/GB (curl, which verifies and seals nothing: %.1f s/GB)",
			perGB(w.cpu), perGB(w.curlCPU))
		w.table.info(fmt.Sprintf("memory of that `%s`", w.name), "%s, at most %s", megabytes(w.memory.now), megabytes(w.memory.peak))
	}
}

// rcloneWalk walks the same set through rclone, cold and then warm.
func (b *bench) rcloneWalk(ctx context.Context, s *standin, latency, ours time.Duration) error {
	if !b.hasRclone() {
		if latency == barLatency {
			b.table.info("against rclone mount", "not measured: no rclone on the PATH (make bench-rclone installs it)")
		}
		return nil
	}
	m, err := b.mountRclone(ctx, s)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.memory, "rclone-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cold, _, err := timed(ctx, "cp", "-r", m.point, filepath.Join(dir, "copy"))
	if err != nil {
		_ = m.stop()
		return err
	}
	if err := checkCopy("cp -r", dir); err != nil {
		_ = m.stop()
		return err
	}
	measure := fmt.Sprintf("cold `cp -r` at %d ms, times faster than rclone mount", latency.Milliseconds())
	ratio := float64(cold) / float64(ours)
	if latency == barLatency {
		b.table.atLeast(measure, ratio, rcloneBar, " ×", "%s to %s", seconds(ours), seconds(cold))
		mem, err := m.memory()
		if err != nil {
			return err
		}
		b.table.info("memory of rclone mount after it", "%s, at most %s; %.1f s/GB of processor time",
			megabytes(mem.now), megabytes(mem.peak), m.cpu().Seconds()/(walkBytes/1e9))
	} else {
		b.table.info(measure, "%.1f × (%s to %s)", ratio, seconds(ours), seconds(cold))
	}
	return m.end()
}
