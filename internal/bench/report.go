//go:build linux

package main

import (
	"bytes"
	"context"
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

// finish prints the table and writes the report.
func (b *bench) finish(ctx context.Context) error {
	fmt.Print(b.table.markdown())
	missed, of := b.table.missed()
	fmt.Printf("\n%d of %d bars met\n", of-missed, of)
	if b.report == "" {
		return nil
	}
	var plots string
	if len(b.growthLog) > 1 {
		if err := b.plot(ctx, filepath.Dir(b.report)); err != nil {
			return fmt.Errorf("plot: %w", err)
		}
		plots = growthText
	}
	machine, err := b.machine(ctx)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(reportText, machine, b.table.markdown(), of-missed, of, plots)
	return os.WriteFile(b.report, []byte(text), 0o644)
}

const reportText = `# Benchmarks

Written by ` + "`make bench`" + `, which measures everything below anew. What is compared was measured in turns within
one run; a ratio is that of the fastest rounds, since whatever else the machine does only adds to a time.

%s
The set that is walked: 100 sessions of nine files, 191 MB, served by the built-in stand-in for the API from a process of
its own on the same machine, with each request delayed as said. "curl parallel" is one curl that makes the same requests,
lists and attempts included, over 16 kept-alive connections, as many as the mount has; it neither verifies nor seals
nor keeps anything. The bare go-fuse is the least that a file system in Go can do, with the settings of this one:
it copies plain files into the kernel's buffers.

%s
%d of %d bars are met.
%s`

const growthText = `
## Growth

Ten files a session. Cold is the first look at everything, which asks the API for each session's listing.

![Time by the number of sessions](bench-time.svg)
![Memory by the number of sessions](bench-memory.svg)
`

// machine says what was measured, on what and when.
func (b *bench) machine(ctx context.Context) (string, error) {
	commit, err := output(ctx, b.repository, "git", "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return "", err
	}
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		return "", err
	}
	versions := []string{strings.TrimPrefix(runtime.Version(), "go")}
	versions[0] = "Go " + versions[0]
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/hanwen/go-fuse/v2" {
				versions = append(versions, "go-fuse "+m.Version)
			}
		}
	}
	for _, tool := range [][]string{{"curl", "--version"}, {b.rclone, "--version"}, {"rsync", "--version"}} {
		out, err := output(ctx, "", tool[0], tool[1:]...)
		if err != nil {
			continue // it was not compared with, and the table says so
		}
		first, _, _ := strings.Cut(out, "\n")
		first, _, _ = strings.Cut(first, " (")
		first, _, _ = strings.Cut(strings.Join(strings.Fields(first), " "), " protocol")
		versions = append(versions, strings.Replace(first, "version ", "", 1))
	}
	return fmt.Sprintf("| | |\n|---|---|\n| date | %s |\n| commit | %s |\n| processor | %s, %d cores |\n| memory | %s |\n| kernel | Linux %s |\n| with | %s |\n",
		time.Now().UTC().Format(time.DateOnly), commit, processor(), runtime.NumCPU(), totalMemory(),
		unix.ByteSliceToString(uname.Release[:]), strings.Join(versions, ", ")), nil
}

// processor is its name as the kernel has it.
func processor() string { return procField("/proc/cpuinfo", "model name") }

func totalMemory() string {
	var kib int64
	_, _ = fmt.Sscan(procField("/proc/meminfo", "MemTotal"), &kib)
	return fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
}

func procField(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// plot draws the growth. The program that draws is a module of its own, so
// that what it needs is no dependency of the product.
func (b *bench) plot(ctx context.Context, dir string) error {
	points, err := json.Marshal(b.growthLog)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "run", ".", dir)
	cmd.Dir = filepath.Join(b.repository, "internal", "bench", "plot")
	cmd.Stdin = bytes.NewReader(points)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
