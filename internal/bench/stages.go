//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// stage is a part of what a mount takes processor time for.
type stage struct {
	name      string
	functions []string // what their names begin with, the package first
}

// elsewhere is the stage of what is in no other.
const elsewhere = "everything else"

// stages are all, in the order of the table. A function belongs to the first that has it.
// What many use, such as AES, SHA-256 and system calls, is in none: it belongs to who calls
// it.
var stages = []stage{
	{"TLS", []string{"crypto/tls."}},
	{"HTTP and sockets", []string{"net.", "net/", "bufio."}},
	{"HMAC (signature)", []string{"crypto/hmac.", "crypto/internal/fips140/hmac."}}, // and the little of a TLS handshake
	{"SHA-256", []string{"veriffs/veriff.(*digest)", "crypto/sha256."}},             // the rest of a digest is HMAC
	{"sealing and opening (AES-GCM)", []string{"veriffs/cache/seal."}},
	{"files of the cache: writing", []string{"os.(*File).pwrite", "os.(*File).WriteAt"}},
	{"files of the cache: reading", []string{"os.(*File).pread", "os.(*File).ReadAt", "veriffs/cache/directory.(*File).ReadAt"}},
	{"files of the cache: making, naming, opening", []string{"os.", "veriffs/cache.", "veriffs/cache/"}}, // none is synced but for a hold
	{"FUSE replies", []string{"github.com/hanwen/go-fuse/", "veriffs/fs."}},
	{"garbage collection", []string{"runtime.gc", "runtime._GC", "runtime.bgsweep", "runtime.bgscavenge", "runtime.scan",
		"runtime.greyobject", "runtime.markroot", "runtime.wbBuf", "runtime.sweepone", "runtime.(*sweepLocked)", "runtime.(*gcWork)"}},
	{"scheduling", []string{"runtime.schedule", "runtime.findRunnable", "runtime.mcall", "runtime.mstart", "runtime.park_m",
		"runtime.ready", "runtime.goready", "runtime.wakep", "runtime.startm", "runtime.stopm", "runtime.handoffp",
		"runtime.sysmon", "runtime.netpoll", "runtime.futex", "runtime.note", "runtime.newproc"}},
	{elsewhere, []string{"veriffs/internal/", "veriffs/veriff"}},
}

// stageOf returns the stage of a sample: that of the innermost function that has one.
func stageOf(s *profile.Sample) string {
	for _, location := range s.Location {
		for _, line := range location.Line { // the inlined ones first
			for _, stage := range stages {
				for _, prefix := range stage.functions {
					if line.Function != nil && strings.HasPrefix(line.Function.Name, prefix) {
						return stage.name
					}
				}
			}
		}
	}
	return elsewhere
}

// stageTimes is the processor time of each stage.
type stageTimes map[string]time.Duration

// add adds what a CPU profile has.
func (t stageTimes) add(p *profile.Profile) {
	value := len(p.SampleType) - 1
	if value < 0 || p.SampleType[value].Type != "cpu" || p.SampleType[value].Unit != "nanoseconds" {
		check(fmt.Errorf("not a CPU profile: %v", p.SampleType))
	}
	for _, s := range p.Sample {
		t[stageOf(s)] += time.Duration(s.Value[value])
	}
}

func (t stageTimes) total() (sum time.Duration) {
	for _, d := range t {
		sum += d
	}
	return sum
}

// stageTable is the processor time of several walks, a column each.
type stageTable []stageColumn

type stageColumn struct {
	name  string // of the walks
	walks int    // that times are the sum of
	times stageTimes
	cpu   time.Duration // the same as the kernel counts it
}

// String returns the table in Markdown, "" if nothing was measured.
func (t stageTable) String() string {
	if len(t) == 0 {
		return ""
	}
	var s strings.Builder
	line := func(name string, cell func(c stageColumn) string) {
		fmt.Fprintf(&s, "| %s |", name)
		for _, c := range t {
			fmt.Fprintf(&s, " %s |", cell(c))
		}
		s.WriteString("\n")
	}
	line("stage", func(c stageColumn) string { return c.name + ", s/GB" })
	line("---", func(stageColumn) string { return "---:" })
	cost := func(c stageColumn, d time.Duration) string { return fmt.Sprintf("%.2f", perGB(d)/float64(c.walks)) }
	for _, stage := range stages {
		line(stage.name, func(c stageColumn) string { return cost(c, c.times[stage.name]) })
	}
	line("all", func(c stageColumn) string { return cost(c, c.times.total()) })
	line("all, as the kernel counts it", func(c stageColumn) string { return cost(c, c.cpu) })
	return s.String()
}

// stages shows what the mount takes processor time for in a cold cp -r.
func (b *bench) stages() {
	if b.veriffs != "" && b.profiles == "" {
		note("the stages are not measured: %s does not profile itself", b.veriffs)
		return
	}
	p := b.profiled()
	for _, column := range []struct {
		name  string
		start func() *standin
	}{
		{"HTTP", func() *standin { return startStandin() }},
		{"TLS", b.startStandinOverTLS},
	} {
		b.stageTable = append(b.stageTable, p.stagesOf(column.name, column.start()))
	}
	note("the stages:\n%s", b.stageTable)
}

// profiled returns a bench that measures a binary that profiles itself.
func (b *bench) profiled() *bench {
	if b.profiles != "" {
		return b
	}
	p := *b
	p.profiles = filepath.Join(b.dir, "profiles")
	p.buildProfiled()
	return &p
}

// stagesOf adds up some walks, since a profile has a sample every 10 ms alone.
func (b *bench) stagesOf(name string, s *standin) stageColumn {
	defer s.stop()
	c := stageColumn{name: name, walks: b.turns(5, 1), times: stageTimes{}}
	for round := range c.walks {
		p, cpu := b.profiledWalk(s, fmt.Sprintf("stages-%s-%d", name, round+1))
		c.times.add(p)
		c.cpu += cpu
	}
	return c
}

// profiledWalk returns the mount's CPU profile of a cold cp -r, and its processor time.
func (b *bench) profiledWalk(s *standin, name string) (p *profile.Profile, cpu time.Duration) {
	walked, _ := s.set()
	m := b.mount(s, name, walked)
	defer m.end()
	dir := must(os.MkdirTemp(b.memory, "copy-"))
	defer os.RemoveAll(dir)
	m.profileFromHere()
	before := m.cpu()
	b.timed("cp", "-r", m.sessions, filepath.Join(dir, "copy"))
	cpu = m.cpu() - before
	checkCopy("cp -r", dir)
	m.stop()
	f := must(os.Open(m.profile + ".cpu"))
	defer f.Close()
	return must(profile.Parse(f)), cpu
}
