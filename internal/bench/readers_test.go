//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuantileIsTheNearestRank(t *testing.T) {
	var times []time.Duration
	for i := range 1000 {
		times = append(times, time.Duration(1000-i)) // in no order that helps
	}
	for part, want := range map[float64]time.Duration{0: 1, 0.5: 500, 0.99: 990, 0.999: 999, 1: 1000} {
		if got := quantile(times, part); got != want {
			t.Errorf("%v: %d, want %d", part, got, want)
		}
	}
	if got := quantile([]time.Duration{7}, 0.999); got != 7 {
		t.Errorf("%d, want the only one", got)
	}
}

// TestDealGivesEachFileOnce: also to more readers than there are sessions.
func TestDealGivesEachFileOnce(t *testing.T) {
	sessions := [][]string{{"a/1", "a/2"}, {"b/1"}, {"c/1", "c/2"}}
	for n, want := range map[int][][]string{
		1: {{"a/1", "a/2", "b/1", "c/1", "c/2"}},
		2: {{"a/1", "a/2"}, {"b/1", "c/1", "c/2"}},
		3: sessions,
	} {
		if diff := cmp.Diff(want, deal(sessions, n)); diff != "" {
			t.Errorf("%d: %s", n, diff)
		}
	}
	if got := slices.Concat(deal(sessions, 5)...); !slices.Equal(got, slices.Concat(sessions...)) {
		t.Errorf("five readers have %v", got)
	}
}

func TestReadAllReadsWholeFiles(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int64{"a/empty": 0, "a/small": 10, "b/large": 300_000} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sessions := bySession(dir)
	if diff := cmp.Diff([][]string{{"a/empty", "a/small"}, {"b/large"}}, sessions); diff != "" {
		t.Error(diff)
	}
	t.Chdir(dir)
	o := readAll(t.Context(), slices.Concat(sessions...))
	if o.Bytes != 300_010 || len(o.Open) != 3 || len(o.First) != 3 {
		t.Errorf("%d bytes, %d opens, %d first bytes", o.Bytes, len(o.Open), len(o.First))
	}
	for i := range o.Open {
		if o.First[i] < o.Open[i] {
			t.Errorf("the first byte of file %d came before it was open", i)
		}
	}
}

// TestAddedComparesTheCalmestRounds: a round in which the machine was busy tells nothing
// of what a walk adds.
func TestAddedComparesTheCalmestRounds(t *testing.T) {
	round := func(ms int) []time.Duration {
		return []time.Duration{time.Millisecond, time.Duration(ms) * time.Millisecond}
	}
	times := handful{
		alone:  [][]time.Duration{round(50), round(10)},
		beside: [][]time.Duration{round(12), round(90)},
		speeds: []float64{1e6, 3e6},
	}
	if got := times.added(); got != 2 {
		t.Errorf("%v ms, want 2", got)
	}
	want := "alone p50 1.0 ms, p99 10.0 ms; beside `tar`, which read up to 3 MB/s, p50 1.0 ms, p99 12.0 ms"
	if got := times.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
