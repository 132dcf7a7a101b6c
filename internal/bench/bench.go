//go:build linux

// Bench measures veriffs against its alternatives and the limits of the
// machine: curl on the bare addresses, rclone mount, a bare go-fuse file system
// and ext4. It prints one table, with the bar that each measure has to meet, and
// writes it to docs/bench.md.
//
// Contenders are measured in turns within one run, so that whatever else the
// machine does slows them all, and a row compares the fastest rounds of each.
// The stand-in for the API, the bare file system and veriffs are processes of
// their own, which tells the processor time and memory of each apart.
//
// A failed benchmark ends the run (see check); so does a signal. Either way the
// bench ends its processes, unmounts, and removes its files. It does not
// protect against a second run at the same time, whose times would mix with its
// own. It has no locks: one goroutine measures.
//
// It runs on Linux alone. Root measures what others can't: the kernel's
// read-ahead is then set as the mount sets it for itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	only       string // sections, separated by commas; "" for all
	quick      bool
	rounds     int
	growth     int // the most sessions that the growth is measured to
	veriffs    string
	rclone     string
	scratch    string
	report     string        // where the table is written to; "" for nowhere
	profiles   string        // where CPU profiles of the mount go; "" for none
	latency    time.Duration // the only one to walk with; below 0: those of the section
	dropCaches bool
}

// bench is one run.
type bench struct {
	options
	commands
	dir        string // on the disk
	memory     string // on a tmpfs
	binary     string
	table      table
	stageTable stageTable
	points     []growthPoint
}

// sections are the parts of a run, in order.
var sections = []struct {
	name string
	run  func(*bench)
}{
	{"walk", (*bench).walks},
	{"tls", (*bench).tlsWalks},
	{"stages", (*bench).stages},
	{"open", (*bench).picture},
	{"waste", (*bench).waste},
	{"reads", (*bench).reads},
	{"records", (*bench).records},
	{"many", many},
	{"team", team},
	{"simulation", simulation},
	{"cache", (*bench).sealed},
	{"growth", func(b *bench) { growth{b}.run() }},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	defer recovered(&err)
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			role(ctx, os.Args[2:])
			return nil
		}
	}
	b := &bench{commands: commands{ctx: ctx}, options: parse()}
	b.repository = b.output("git", "rev-parse", "--show-toplevel")
	if b.scratch == "" {
		var stop func()
		b.dir, stop = b.startDisk()
		defer stop()
	} else {
		b.dir = must(os.MkdirTemp(b.scratch, "veriffs-bench-"))
		defer os.RemoveAll(b.dir)
	}
	b.memory = must(os.MkdirTemp("/dev/shm", "veriffs-bench-"))
	defer os.RemoveAll(b.memory)
	b.build()
	for _, s := range sections {
		if b.only == "" || slices.Contains(strings.Split(b.only, ","), s.name) {
			s.run(b)
		}
	}
	b.finish()
	return nil
}

func parse() options {
	var o options
	names := make([]string, len(sections))
	for i, s := range sections {
		names[i] = s.name
	}
	flag.StringVar(&o.only, "only", "", "run only these `sections`, of "+strings.Join(names, ","))
	flag.BoolVar(&o.quick, "quick", false, "try everything briefly: one round, one latency, few sessions")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each walk; shorter measures take more")
	flag.IntVar(&o.growth, "growth", 100_000, "measure the growth up to this many sessions")
	flag.StringVar(&o.veriffs, "veriffs", "", "measure this binary instead of a fresh bin/veriffs")
	flag.StringVar(&o.rclone, "rclone", "rclone", "the rclone to compare with; left out if there is none")
	flag.StringVar(&o.scratch, "dir", "", "a `directory` on the disk to measure; without, root has a disk made for the run")
	flag.StringVar(&o.report, "report", "", "write the table to this file, and the plots beside it")
	flag.StringVar(&o.profiles, "profiles", "", "measure a binary that profiles itself (a little slower), and put the profiles in this directory")
	flag.BoolVar(&o.dropCaches, "drop-caches", os.Geteuid() == 0, "make the kernel forget the inodes of the whole machine, to see how much memory veriffs then returns")
	flag.DurationVar(&o.latency, "latency", -1, "walk only with this delay of each request")
	flag.Parse()
	if flag.NArg() > 0 {
		check(fmt.Errorf("unexpected arguments: %q", flag.Args()))
	}
	if o.quick {
		o.rounds, o.growth = 1, min(o.growth, 1000)
	}
	o.report, o.scratch = absolute(o.report), absolute(o.scratch)
	return o
}

// at returns which of a section's latencies are walked with: the last alone in a quick
// run, unless the command line says another.
func (o *options) at(latencies ...time.Duration) []time.Duration {
	switch {
	case o.latency >= 0:
		return []time.Duration{o.latency}
	case o.quick:
		return latencies[len(latencies)-1:]
	}
	return latencies
}

func absolute(path string) string {
	if path == "" {
		return ""
	}
	return must(filepath.Abs(path))
}

// note tells whoever watches what is going on.
func note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
