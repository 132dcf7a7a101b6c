//go:build linux

package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// limitsText says where the bars that are missed end.
//
//go:embed limits.md
var limitsText string

// uringText is what was measured of a way to talk to the kernel that veriffs does not use.
//
//go:embed uring.md
var uringText string

// finish prints the table and writes the report.
func (b *bench) finish() {
	met := b.table.count(met)
	bars := met + b.table.count(missed)
	fmt.Print(b.table)
	fmt.Printf("\n%d of %d bars met\n", met, bars)
	var parts strings.Builder
	if len(b.stageTable) > 0 {
		fmt.Printf("\n%s", b.stageTable)
		fmt.Fprintf(&parts, stagesText, b.stageTable[0].walks, b.stageTable)
	}
	if b.report == "" {
		return
	}
	if len(b.points) > 1 {
		b.plot(filepath.Dir(b.report))
		parts.WriteString(growthText)
	}
	parts.WriteString(limitsText)
	parts.WriteString(uringText)
	check(os.WriteFile(b.report, fmt.Appendf(nil, reportText, b.machine(), b.table, met, bars, parts.String()), 0o644))
}

const reportText = `# Benchmarks

Written by ` + "`make bench`" + `, which measures everything below anew but the last two sections. What is compared was measured in turns
within one run; a ratio is that of the fastest rounds, since whatever else the machine does only adds to a time.

%s
The set that is walked: 100 sessions of nine files, 191 MB, served by the built-in stand-in for the API from a process of
its own on the same machine, with each request delayed as said. "curl parallel" is one curl that makes the same requests,
lists and attempts included, over 16 kept-alive connections, as many as the mount has; it neither verifies nor seals
nor keeps anything. The bare go-fuse is the least that a file system in Go can do, with the settings of this one:
it copies plain files into the kernel's buffers.

The walks over TLS are of the same set, over TLS 1.3 with AES-128-GCM. The mount and curl both use HTTP/1.1, the only version
that the mount speaks, and trust a certificate made for the run (SSL_CERT_FILE, --cacert). The stand-in's own encryption takes
time of the same processors.

The disk is an ext4 with a journal, as installers make it, in a file of the machine's disk (direct I/O). That disk itself has no
journal; its kernel does not use the numbers of inodes again that were freed in the last minutes, and looks at each of them
whenever a file is created: after some thousand removals a new file takes 0.7 ms of processor time there, and 0.03 ms here.
Figures before 27 November 2026 were measured there.

Many at once are processes that read whole files, started before the time begins. Cached files, in the page cache, are all
900, four times in each round, shuffled and dealt out; cold ones are each read once in a new mount, and each process has
whole sessions, whose lists are not known either: who opens the first file of one waits for them. An open is timed until
open(2) has returned, by when veriffs has fetched and verified the file; rclone mount fetches after that. The first byte is
timed from before the open until the first read has returned. Times are those of all rounds, files/s those of the fastest.
Pictures are opened by hand, one after the other, in new mounts, of which every second one has a walk over other sessions;
the lists of their sessions are known. The rounds with the lowest p99 are compared; rclone mount has one of each.

The team store is versitygw on the same machine, its files in memory, each request delayed like those to the API. "curl
parallel on that store" fetches the same sealed objects over 16 connections. The first member's walk alternates with one
without a store. The second member's patience is a minute, so that a busy machine does not make it ask the API as well.
Twenty mounts are twenty processes with a cache each, in memory, and every byte that they read is compared.

The simulation draws which sessions 1,000 machines open in a month: 200 files on each of 22 days, in sessions of ten, out of
100,000 sessions. The i-th most popular one is opened in proportion to 1/i^exponent (Zipf). Of web caches, exponents from
0.60 to 1.03 are reported ([Krashakov and others](https://arxiv.org/abs/cs/0404010), [Breslau and
others](https://pages.cs.wisc.edu/~cao/papers/zipf-implications.html)); of people who review cases none are known. With 0,
people open the same sessions by chance alone. A machine keeps the sessions that it opened last, the store keeps everything,
and nothing is read ahead.

%s
%d of %d bars are met.
%s`

const stagesText = `
## Processor time by stage

What the mount takes processor time for in a cold ` + "`cp -r`" + ` at 0 ms, in seconds for a gigabyte. The walks (%d a column, of which
this is the mean) are not those that were timed above: their binary profiles itself, which makes it a little slower. A sample
counts for the innermost function that belongs to a stage, so system calls, AES and allocations count for the stage that needs them.
The profiler misses some of the time, as the last two rows show.

%s`

const growthText = `
## Growth

Ten files a session. Cold is the first look at everything, which asks the API for each session's listing.

![Time by the number of sessions](bench-time.svg)
![Memory by the number of sessions](bench-memory.svg)
`

// machine describes what was measured, on what and when.
func (b *bench) machine() string {
	var uname unix.Utsname
	check(unix.Uname(&uname))
	versions := []string{"Go " + strings.TrimPrefix(runtime.Version(), "go")}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/hanwen/go-fuse/v2" {
				versions = append(versions, "go-fuse "+m.Version)
			}
		}
	}
	for _, tool := range []string{"curl", b.rclone, "rsync"} {
		if _, err := exec.LookPath(tool); err != nil {
			continue // nothing was compared with it, and the table says so
		}
		first, _, _ := strings.Cut(b.output(tool, "--version"), "\n")
		first, _, _ = strings.Cut(first, " (")
		first, _, _ = strings.Cut(strings.Join(strings.Fields(first), " "), " protocol")
		versions = append(versions, strings.Replace(first, "version ", "", 1))
	}
	var kib float64
	_, _ = fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kib)
	return fmt.Sprintf("| | |\n|---|---|\n| date | %s |\n| commit | %s |\n| processor | %s, %d cores |\n| memory | %.0f GiB |\n| kernel | Linux %s |\n| with | %s |\n",
		time.Now().UTC().Format(time.DateOnly), b.output("git", "describe", "--tags", "--always", "--dirty"),
		field("/proc/cpuinfo", "model name"), runtime.NumCPU(), kib/(1<<20),
		unix.ByteSliceToString(uname.Release[:]), strings.Join(versions, ", "))
}

// plot draws the growth. The program that draws is a module of its own, which
// keeps its dependencies out of veriffs.
func (b *bench) plot(dir string) {
	cmd := exec.CommandContext(b.ctx, "go", "run", ".", dir)
	cmd.Dir = filepath.Join(b.repository, "internal", "bench", "plot")
	cmd.Stdin = bytes.NewReader(must(json.Marshal(b.points)))
	cmd.Stderr = os.Stderr
	check(cmd.Run())
}
