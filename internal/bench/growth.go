//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"veriffs/veriff/sandbox"
)

// growthFiles is how many files each session of the growing world has.
const growthFiles = 10

// growthPoint is what one number of sessions costs.
type growthPoint struct {
	Sessions                          int
	Mount, List, ListLong, Cold, Warm time.Duration // until it answers; ls; ls -l; find, twice
	Known, Found, Forgotten, Peak     int64         // bytes of memory
	Entries                           int           // that find saw
}

// growths measures how everything grows with the number of sessions.
func (b *bench) growths(ctx context.Context) error {
	for n := 100; n <= b.growth; n *= 10 {
		p, err := b.grown(ctx, n)
		if err != nil {
			return fmt.Errorf("%d sessions: %w", n, err)
		}
		b.growthLog = append(b.growthLog, p)
		b.table.info(fmt.Sprintf("%d sessions, %d files", n, n*growthFiles),
			"mount %s, `ls` %s, `ls -l` %s, `find` cold %s, warm %s; memory %s, after `find` %s, forgotten %s",
			seconds(p.Mount), seconds(p.List), seconds(p.ListLong), seconds(p.Cold), seconds(p.Warm),
			megabytes(p.Known), megabytes(p.Found), megabytes(p.Forgotten))
		switch n {
		case 10_000:
			b.table.atMost("`ls -l` of 10,000 sessions, warm", p.ListLong.Seconds()*1000, 200, " ms", "")
		case 100_000:
			b.table.atMost("`ls` of 100,000 sessions", p.List.Seconds()*1000, 500, " ms", "")
			b.table.atLeast("warm `find` over 1,000,000 files", float64(p.Entries)/p.Warm.Seconds(), 40_000, " entries/s", "%s", seconds(p.Warm))
			b.table.atMost("memory with 100,000 sessions known", float64(p.Known)/1e6, 100, " MB", "")
			b.table.atMost("memory after a `find` over 1,000,000 files", float64(p.Found)/1e6, 700, " MB", "at most %s", megabytes(p.Peak))
			if b.dropCaches {
				b.table.atMost("memory once the kernel has forgotten them", float64(p.Forgotten)/1e6, 250, " MB", "")
			}
		}
	}
	return b.wide(ctx)
}

// idle is how long memory may take to settle.
const idle = 3 * time.Second

func (b *bench) grown(ctx context.Context, n int) (p growthPoint, err error) {
	p.Sessions = n
	note("%d sessions", n)
	s, err := startStandin(ctx, spec{Scale: sandbox.Scale{Sessions: n, Files: growthFiles, FileSize: 200_000}})
	if err != nil {
		return p, err
	}
	defer s.stop()
	var sessions []sandbox.Session
	for _, id := range s.world.SessionIDs() {
		sessions = append(sessions, sandbox.Session{ID: id})
	}
	start := time.Now()
	m, err := b.mount(ctx, s, fmt.Sprintf("growth-%d", n), sessions)
	if err != nil {
		return p, err
	}
	defer m.stop()
	p.Mount = time.Since(start)
	var seen int
	for _, step := range []struct {
		took *time.Duration
		args []string
	}{
		{&p.List, []string{"ls", m.sessions}},
		{nil, []string{"ls", "-l", m.sessions}},
		{&p.ListLong, []string{"ls", "-l", m.sessions}},
	} {
		elapsed, lines, err := counted(ctx, step.args...)
		if err != nil {
			return p, err
		}
		if lines < n {
			return p, fmt.Errorf("%v printed %d lines", step.args, lines)
		}
		if step.took != nil {
			*step.took = elapsed
		}
	}
	time.Sleep(idle)
	mem, err := m.memory()
	if err != nil {
		return p, err
	}
	p.Known = mem.now
	if p.Cold, seen, err = counted(ctx, "find", m.sessions); err != nil {
		return p, err
	}
	if want := 1 + n + n*growthFiles; seen != want {
		return p, fmt.Errorf("find saw %d entries, not %d", seen, want)
	}
	if mem, err = m.memory(); err != nil {
		return p, err
	}
	p.Found = mem.now
	m.profileFromHere()
	for range 2 {
		warm, seen, err := counted(ctx, "find", m.sessions)
		if err != nil {
			return p, err
		}
		if p.Entries = seen; p.Warm == 0 || warm < p.Warm {
			p.Warm = warm
		}
	}
	if mem, err = m.memory(); err != nil {
		return p, err
	}
	p.Found, p.Peak = max(p.Found, mem.now), mem.peak
	if b.dropCaches {
		// Inodes and dentries, not pages.
		if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0); err != nil {
			return p, err
		}
	}
	time.Sleep(2 * idle)
	if mem, err = m.memory(); err != nil {
		return p, err
	}
	p.Forgotten = mem.now
	// The cache stays until the bench ends: removing it can take minutes.
	return p, m.stop()
}

// wide measures one session of very many files.
func (b *bench) wide(ctx context.Context) error {
	files := min(b.growth, 10_000)
	s, err := startStandin(ctx, spec{Scale: sandbox.Scale{Sessions: 1, Files: files, FileSize: 200_000}})
	if err != nil {
		return err
	}
	defer s.stop()
	sessions := s.world.Sessions()
	m, err := b.mount(ctx, s, "wide", sessions)
	if err != nil {
		return err
	}
	defer m.stop()
	dir := filepath.Join(m.sessions, sessions[0].ID.String())
	var took [3]time.Duration
	for i, args := range [][]string{{"ls", "-l", dir}, {"ls", "-l", dir}, {"ls", dir}} {
		elapsed, lines, err := counted(ctx, args...)
		if err != nil {
			return err
		}
		if lines < files {
			return fmt.Errorf("%v printed %d lines", args, lines)
		}
		took[i] = elapsed
	}
	measure := fmt.Sprintf("`ls -l` of one session of %d files, warm", files)
	b.table.atMost(measure, took[1].Seconds()*1000, 200, " ms", "cold %s; `ls` %s", seconds(took[0]), seconds(took[2]))
	return m.end()
}

// counted runs a command and counts the lines that it prints.
func counted(ctx context.Context, args ...string) (elapsed time.Duration, n int, err error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var out lines
	cmd.Stdout = &out
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%v: %w", args, err)
	}
	return time.Since(start), int(out), nil
}

type lines int

func (l *lines) Write(p []byte) (int, error) {
	for _, c := range p {
		if c == '\n' {
			*l++
		}
	}
	return len(p), nil
}
