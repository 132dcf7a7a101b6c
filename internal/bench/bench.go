//go:build linux

// Bench measures veriffs against what else could have been used, and against
// the machine's own limits: curl on the bare addresses, rclone mount, a bare
// go-fuse file system and ext4. It prints one table, with the bar that each
// measure has to meet, and writes it to docs/bench.md.
//
// What is compared is measured in turns within one run, so that whatever else
// the machine does weighs on both, and what a row compares are the fastest
// rounds of each. The stand-in for the API, the bare file system and
// the binary that is measured are processes of their own, so that the CPU
// time and memory of each can be told apart.
//
// It runs on Linux alone, and as root measures what an ordinary user can't:
// the kernel's read-ahead is then set as the mount sets it for itself.
package main

import (
	"context"
	"errors"
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
	only       string // sections, with commas between them; "" for all
	quick      bool
	rounds     int
	growth     int // the most sessions that the growth is measured to
	veriffs    string
	rclone     string
	scratch    string
	report     string // where the table is written to; "" for nowhere
	profiles   string // where CPU profiles of the mount go; "" for none
	latencies  []time.Duration
	dropCaches bool
}

// bench is one run.
type bench struct {
	options
	repository string
	dir        string // on the disk
	memory     string // on a tmpfs
	binary     string
	table      table
	growthLog  []growthPoint
}

// sections are the parts of a run, in order.
var sections = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"walk", (*bench).walks},
	{"open", (*bench).picture},
	{"waste", (*bench).waste},
	{"reads", (*bench).reads},
	{"cache", (*bench).sealed},
	{"growth", (*bench).growths},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			return role(ctx, os.Args[2:])
		}
	}
	o, err := parse()
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.clean()
	for _, s := range sections {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), s.name) {
			continue
		}
		b.table.section = s.name
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return b.finish(ctx)
}

func parse() (options, error) {
	o := options{latencies: []time.Duration{0, 20 * time.Millisecond, 50 * time.Millisecond}}
	names := make([]string, len(sections))
	for i, s := range sections {
		names[i] = s.name
	}
	flag.StringVar(&o.only, "only", "", "run these sections alone, of "+strings.Join(names, ","))
	flag.BoolVar(&o.quick, "quick", false, "one round, one latency, small worlds: to see that it runs")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of the walks; shorter measures take more")
	flag.IntVar(&o.growth, "growth", 100_000, "measure the growth up to so many sessions")
	flag.StringVar(&o.veriffs, "veriffs", "", "measure this binary in place of a fresh bin/veriffs")
	flag.StringVar(&o.rclone, "rclone", "rclone", "the rclone to compare with, left out if there is none")
	flag.StringVar(&o.scratch, "dir", os.TempDir(), "directory on the disk that is to be measured")
	flag.StringVar(&o.report, "report", "", "write the table to this file, and the plots beside it")
	flag.StringVar(&o.profiles, "profiles", "", "measure a binary that profiles itself, and put the profiles in this directory (a little slower)")
	flag.BoolVar(&o.dropCaches, "drop-caches", os.Geteuid() == 0, "have the kernel forget inodes of the whole machine to see what memory comes back")
	latency := flag.Duration("latency", -1, "walk with this delay of each request alone")
	flag.Parse()
	if flag.NArg() > 0 {
		return o, fmt.Errorf("%q is not understood", flag.Args())
	}
	if *latency >= 0 {
		o.latencies = []time.Duration{*latency}
	}
	if o.quick {
		o.rounds, o.growth = 1, min(o.growth, 1000)
		o.latencies = o.latencies[len(o.latencies)-1:]
	}
	return o, nil
}

func newBench(ctx context.Context, o options) (*bench, error) {
	repository, err := output(ctx, "", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	b := &bench{options: o, repository: repository}
	for dir, parent := range map[*string]string{&b.dir: o.scratch, &b.memory: "/dev/shm"} {
		if *dir, err = os.MkdirTemp(parent, "veriffs-bench-"); err != nil {
			return nil, errors.Join(err, b.clean())
		}
	}
	b.binary = filepath.Join(b.dir, "veriffs")
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o755); err != nil {
			return nil, errors.Join(err, b.clean())
		}
		err = b.buildProfiled(ctx)
	} else {
		err = b.build(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, b.clean())
	}
	return b, nil
}

func (b *bench) clean() error {
	var errs []error
	for _, dir := range []string{b.dir, b.memory} {
		if dir != "" {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

// note tells whoever watches what is being done.
func note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
