//go:build linux

package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/dustin/go-humanize"

	"veriffs/veriff/sandbox"
)

const simulationSeed = 5

// month is what the reviewers of a large team open in a month: 200 files on each of 22
// days, in sessions of ten.
var month = fleet{Machines: 1000, Sessions: 100_000, Files: 10, Opens: 440}

// simulation predicts what a team store saves, and checks the prediction against mounts.
func simulation(b *bench) {
	for _, exponent := range []float64{0, 0.6, 0.8, 1} {
		for _, keeps := range []int{month.Opens, 40} {
			f := month
			f.Exponent, f.Keeps = exponent, keeps
			p := f.predict(f.trace(simulationSeed))
			b.table.info(fmt.Sprintf("simulation: 1,000 machines that keep %d sessions, exponent %.1f", keeps, exponent),
				"of %s opens, %s requests to the API without a team store, %s with one: %.0f %% fewer",
				thousands(p.opened), thousands(p.missed), thousands(p.distinct), 100*p.saved())
		}
	}
	checkSimulation(b)
}

func thousands(n int) string { return humanize.Comma(int64(n)) }

// checkSimulation has mounts open what a trace says.
func checkSimulation(b *bench) {
	f := fleet{Machines: memberCount, Sessions: memberSessions, Files: memberFiles, Opens: b.turns(60, 20), Exponent: 0.8, Keeps: 10}
	m := b.startMembers(sandbox.Scale{Sessions: f.Sessions, Files: f.Files, FileSize: memberFileSize})
	defer m.stop()
	trace := f.trace(simulationSeed)
	want := f.predict(trace)
	opens := make([][]string, f.Machines)
	for i, sessions := range trace {
		for _, session := range sessions {
			opens[i] = append(opens[i], m.files[session]...)
		}
	}
	small := []string{"--cache-size", strconv.FormatInt(m.sizeOf(f.Keeps), 10)}
	still := append(small, "--read-ahead", "off") // of which the model knows nothing
	m.compare("without a team store", want.missed, m.read("alone", opens, 1, still))
	m.compare("with one", want.distinct, m.read("shared", opens, 1, append(still, m.s.team("shared")...)))
	m.compare("with one, and reading ahead, of which the model knows nothing", want.distinct, m.read("ahead", opens, 1, append(small, m.s.team("ahead")...)))
}

// compare adds how far a prediction is off.
func (m *members) compare(what string, want int, got reading) {
	m.table.info("20 mounts that keep 10 sessions, and the simulation of that with exponent 0.8: requests to the API "+what,
		"%d predicted, %d measured: %+.1f %%", want, got.requests, 100*(float64(got.requests)/float64(want)-1))
}

// sizeOf returns how many bytes a cache takes that has so many sessions.
func (m *members) sizeOf(sessions int) (bytes int64) {
	probe := m.mount(m.s, "size", m.listed)
	defer probe.end()
	for _, files := range m.files[:sessions] {
		for _, file := range files {
			check(m.checkFile(probe, file))
		}
	}
	probe.stop()
	check(filepath.WalkDir(probe.cache, func(_ string, e fs.DirEntry, err error) error {
		if err == nil {
			bytes += must(e.Info()).Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	}))
	return bytes
}
