//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWalkedSetIsAsLargeAsSaid(t *testing.T) {
	s := &standin{world: walkWorld()}
	walked, video := s.set()
	var bytes int64
	for _, session := range walked {
		if n := len(session.Attempts[0].Media); n != len(sessionFiles) {
			t.Errorf("session %s has %d files", session.ID, n)
		}
		for _, f := range session.Attempts[0].Media {
			bytes += f.Size
		}
	}
	if len(walked) != walkSessions || len(walked)*len(sessionFiles) != walkFiles || bytes != walkBytes {
		t.Errorf("%d sessions of %d bytes, want %d of %d", len(walked), bytes, walkSessions, walkBytes)
	}
	if size := video.Attempts[0].Media[0].Size; size != videoSize {
		t.Errorf("the video has %d bytes", size)
	}
}

func TestParseBenchmark(t *testing.T) {
	for line, want := range map[string]metrics{
		"BenchmarkOpenHit-2   12345   83210 ns/op   512 B/op":       {"ns/op": 83210, "B/op": 512},
		"BenchmarkWrite/300KiB-16 \t 10 \t 1e3 ns/op \t 0.54 ratio": {"ns/op": 1000, "ratio": 0.54},
		"BenchmarkOpenHit-2":       nil,
		"ok  	veriffs/cache	12.3s": nil,
		"goos: linux":              nil,
	} {
		_, got, ok := parseBenchmark(line)
		if ok != (want != nil) {
			t.Errorf("%q: %v", line, ok)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
	if name, _, _ := parseBenchmark("BenchmarkWrite/300KiB-16 10 1e3 ns/op"); name != "Write/300KiB" {
		t.Errorf("the name is %q", name)
	}
}

func TestRatioIsOfTheFastestRounds(t *testing.T) {
	times := inTurns(3,
		func() time.Duration { return 2 * time.Second },
		func() time.Duration { return time.Second })
	times[0][1], times[1][2] = time.Minute, time.Hour
	if got := times.ratio(0, 1); got != 2 {
		t.Errorf("ratio %v, want 2", got)
	}
}

func TestVerdicts(t *testing.T) {
	var b table
	b.atMost("a", 1.1, 1.1, " ×", "")
	b.atMost("b", 1.2, 1.1, " ×", "%d files", 3)
	b.atLeast("c", 14, 14, " ×", "")
	b.info("d", "%d", 5)
	want := `| measure | bar | measured | |
|---|---|---|---|
| a | ≤ 1.10 × | 1.10 × | ok |
| b | ≤ 1.10 × | 1.20 × (3 files) | **missed** |
| c | ≥ 14 × | 14 × | ok |
| d |  | 5 |  |
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	if met, missed := b.count(met), b.count(missed); met != 2 || missed != 1 {
		t.Errorf("%d met, %d missed", met, missed)
	}
}
