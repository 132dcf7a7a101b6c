//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
)

// sealed runs the benchmarks of package cache, which compare it with plain
// files, and that of the library's opens, and judges what they report.
func (b *bench) sealed() {
	all := map[string]metrics{}
	run := func(pattern, time, pkg string) {
		for line := range strings.Lines(b.output("go", "test", "-run", "^$", "-bench", pattern, "-benchtime", time, pkg)) {
			if name, m, ok := parseBenchmark(line); ok {
				all[name] = m
			}
		}
	}
	note("benchmarks of package cache")
	run("^Benchmark(SequentialRead|RandomRead4K|Write|OpenHit)$", "300ms", "./cache")
	run("^BenchmarkIndex$", "1x", "./cache")
	run("^BenchmarkCachedOpen$", "30000x", "./internal/library")
	rates := func(name string) string {
		return fmt.Sprintf("%.2f to %.2f GB/s", all[name]["sealed-MB/s"]/1000, all[name]["plain-MB/s"]/1000)
	}
	t := &b.table
	t.atLeast("sealed sequential read, cold page cache, of plain ext4", all["SequentialRead/cold"]["ratio"], 0.4, "", "%s", rates("SequentialRead/cold"))
	t.info("the same, warm page cache", "%.2f (%s)", all["SequentialRead/warm"]["ratio"], rates("SequentialRead/warm"))
	t.info("sealed random 4 KiB reads, cold page cache, of plain ext4", "%.2f", all["RandomRead4K/cold"]["ratio"])
	t.info("the same, warm page cache", "%.2f", all["RandomRead4K/warm"]["ratio"])
	t.atLeast("sealing while writing 20 MiB, of plain ext4", all["Write/20480KiB"]["ratio"], 0.7, "", "%s", rates("Write/20480KiB"))
	t.info("the same, 300 KiB", "%.2f (%s)", all["Write/300KiB"]["ratio"], rates("Write/300KiB"))
	t.atMost("open of a hit", all["OpenHit"]["ns/op"]/1000, 100, " µs", "")
	opens := func(order string) (took float64, more string) {
		m := all["CachedOpen/"+strings.ReplaceAll(order, " ", "_")]
		return m["ns/op"] / 1000, fmt.Sprintf("%.1f µs of processor time", m["cpu-ns/op"]/1000)
	}
	random, more := opens("at random")
	t.atMost("open of a cached file in the library, 1,800 files in a random order", random, 30, " µs", "%s", more)
	for _, order := range []string{"in order", "the same"} {
		took, more := opens(order)
		t.info("the same, "+order, "%.1f µs (%s)", took, more)
	}
	t.atMost("memory of an object in the index", all["Index"]["B/object"], 170, " B", "")
	if b.quick {
		return
	}
	note("start with 1,000,000 objects")
	run("^BenchmarkStart$", "1x", "./cache")
	t.atMost("start with 1,000,000 objects, until the first hit", all["Start"]["ms-to-open"]+all["Start"]["us-first-hit"]/1000, 10, " ms", "")
	t.atMost("the same, until the index is loaded", all["Start"]["s-to-load"], 5, " s", "")
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
