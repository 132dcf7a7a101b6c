//go:build linux

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// sealed runs the benchmarks of package cache, which compare it with plain
// files, and judges what they report.
func (b *bench) sealed(ctx context.Context) error {
	all := map[string]metrics{}
	run := func(pattern, time string) error {
		out, err := output(ctx, b.repository, "go", "test", "-run", "^$", "-bench", pattern, "-benchtime", time, "./cache")
		if err != nil {
			return err
		}
		for line := range strings.Lines(out) {
			if name, m, ok := parseBenchmark(line); ok {
				all[name] = m
			}
		}
		return nil
	}
	note("benchmarks of package cache")
	if err := run("^Benchmark(SequentialRead|RandomRead4K|Write|OpenHit)$", "300ms"); err != nil {
		return err
	}
	if err := run("^BenchmarkIndex$", "1x"); err != nil {
		return err
	}
	get := func(name, unit string) float64 { return all[name][unit] }
	rates := func(name string) string {
		return fmt.Sprintf("%.2f to %.2f GB/s", get(name, "sealed-MB/s")/1000, get(name, "plain-MB/s")/1000)
	}
	t := &b.table
	t.atLeast("sealed sequential read, cold page cache, of plain ext4", get("SequentialRead/cold", "ratio"), 0.4, "", "%s", rates("SequentialRead/cold"))
	t.info("the same, warm page cache", "%.2f (%s)", get("SequentialRead/warm", "ratio"), rates("SequentialRead/warm"))
	t.info("sealed random 4 KiB reads, cold page cache, of plain ext4", "%.2f", get("RandomRead4K/cold", "ratio"))
	t.info("the same, warm page cache", "%.2f", get("RandomRead4K/warm", "ratio"))
	t.atLeast("sealing while writing 20 MiB, of plain ext4", get("Write/20480KiB", "ratio"), 0.7, "", "%s", rates("Write/20480KiB"))
	t.info("the same, 300 KiB", "%.2f (%s)", get("Write/300KiB", "ratio"), rates("Write/300KiB"))
	t.atMost("open of a hit", get("OpenHit", "ns/op")/1000, 100, " µs", "")
	t.atMost("memory of an object in the index", get("Index", "B/object"), 300, " B", "")
	if b.quick {
		return nil
	}
	note("start with 1,000,000 objects")
	if err := run("^BenchmarkStart$", "1x"); err != nil {
		return err
	}
	t.atMost("start with 1,000,000 objects, until the first hit", get("Start", "ms-to-open")+get("Start", "us-first-hit")/1000, 1000, " ms",
		"the index is loaded after %.1f s", get("Start", "s-to-load"))
	return nil
}

// metrics are what a benchmark reports, by unit.
type metrics map[string]float64

// parseBenchmark reads a line of the form that golang.org/design/14313 gives:
// a name, a count, and then values with their units.
func parseBenchmark(line string) (name string, m metrics, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 {
		return "", nil, false
	}
	if name, ok = strings.CutPrefix(fields[0], "Benchmark"); !ok {
		return "", nil, false
	}
	if i := strings.LastIndexByte(name, '-'); i > 0 { // the number of processors
		name = name[:i]
	}
	m = metrics{}
	for i := 2; i < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return "", nil, false
		}
		m[fields[i+1]] = v
	}
	return name, m, true
}
