//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"veriffs/veriff/sandbox"
)

// growthFiles is how many files each session of the growing world has.
const growthFiles = 10

// growthPoint is what one number of sessions costs. The plots read it.
type growthPoint struct {
	Sessions                          int
	Mount, List, ListLong, Cold, Warm time.Duration // until it answers; ls; ls -l; find, cold and warm
	Bare                              time.Duration // a client that asks for what the cold find needs, and keeps nothing
	Known, Found, Forgotten, Peak     int64         // bytes of memory
	Entries                           int           // that find saw
}

// growth measures how everything grows with the number of sessions.
type growth struct{ *bench }

func (b growth) run() {
	for n := 100; n <= b.growth; n *= 10 {
		note("%d sessions", n)
		p := b.of(n)
		b.points = append(b.points, p)
		b.table.info(fmt.Sprintf("%d sessions, %d files", n, n*growthFiles),
			"mount %s, `ls` %s, `ls -l` %s, `find` cold %s, warm %s; memory %s, after `find` %s, forgotten %s",
			seconds(p.Mount), seconds(p.List), seconds(p.ListLong), seconds(p.Cold), seconds(p.Warm),
			megabytes(p.Known), megabytes(p.Found), megabytes(p.Forgotten))
		b.table.atMost(fmt.Sprintf("cold `find` over %d files, times a bare HTTP client that asks for the same lists", n*growthFiles),
			p.Cold.Seconds()/p.Bare.Seconds(), findBar, " ×", "%s to %s, once each, one after the other, over %d connections", seconds(p.Cold), seconds(p.Bare), connections)
		switch n {
		case 10_000:
			b.table.atMost("`ls -l` of 10,000 sessions, warm", milliseconds(p.ListLong), 200, " ms", "")
		case 100_000:
			b.table.atMost("`ls` of 100,000 sessions", milliseconds(p.List), 500, " ms", "")
			b.table.atLeast("warm `find` over 1,000,000 files", float64(p.Entries)/p.Warm.Seconds(), 40_000, " entries/s", "%s", seconds(p.Warm))
			b.table.atMost("memory with 100,000 sessions known", float64(p.Known)/1e6, 80, " MB", "")
			b.table.atMost("memory after a `find` over 1,000,000 files", float64(p.Found)/1e6, 450, " MB", "at most %s", megabytes(p.Peak))
			if b.dropCaches {
				b.table.atMost("memory once the kernel has forgotten them", float64(p.Forgotten)/1e6, 150, " MB", "")
			}
		}
	}
	b.wide()
}

// findBar is how many times as long as a client that keeps nothing a cold find may take:
// the goal is as fast as the stand-in answers.
const findBar = 1.1

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// idle is how long memory may take to settle.
const idle = 3 * time.Second

func (b growth) of(n int) (p growthPoint) {
	p.Sessions, p.Entries = n, 1+n+n*growthFiles
	s := startStandin(sandbox.Scale{Sessions: n, Files: growthFiles, FileSize: 200_000})
	defer s.stop()
	var sessions []sandbox.Session
	for _, id := range s.world.SessionIDs() {
		sessions = append(sessions, sandbox.Session{ID: id})
	}
	start := time.Now()
	m := b.mount(s, fmt.Sprintf("growth-%d", n), sessions)
	defer m.stop() // the cache stays until the bench ends: removing it can take minutes
	p.Mount = time.Since(start)
	p.List = b.printing(n, "ls", m.sessions)
	b.printing(n+1, "ls", "-l", m.sessions)
	p.ListLong = b.printing(n+1, "ls", "-l", m.sessions)
	time.Sleep(idle)
	p.Known, _ = m.memory()
	p.Cold = b.printing(p.Entries, "find", m.sessions)
	p.Found, _ = m.memory()
	m.profileFromHere()
	p.Warm = min(b.printing(p.Entries, "find", m.sessions), b.printing(p.Entries, "find", m.sessions))
	now, peak := m.memory()
	p.Bare = s.listings(sessions)
	p.Found, p.Peak = max(p.Found, now), peak
	if b.dropCaches {
		// Inodes and dentries, not pages.
		check(os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0))
	}
	time.Sleep(2 * idle)
	p.Forgotten, _ = m.memory()
	return p
}

// wide measures one session of very many files.
func (b growth) wide() {
	files := min(b.growth, 10_000)
	s := startStandin(sandbox.Scale{Sessions: 1, Files: files, FileSize: 200_000})
	defer s.stop()
	sessions := s.world.Sessions()
	m := b.mount(s, "wide", sessions)
	defer m.end()
	dir := filepath.Join(m.sessions, sessions[0].ID.String())
	cold := b.printing(files+1, "ls", "-l", dir)
	warm := b.printing(files+1, "ls", "-l", dir)
	b.table.atMost(fmt.Sprintf("`ls -l` of one session of %d files, warm", files), milliseconds(warm), 200, " ms",
		"cold %s; `ls` %s", seconds(cold), seconds(b.printing(files, "ls", dir)))
}

// printing returns the time of a command that has to print this many lines; ls
// -l prints one more than there are entries.
func (b growth) printing(lines int, name string, args ...string) time.Duration {
	took, n := b.counted(name, args...)
	if n != lines {
		check(fmt.Errorf("%s %v printed %d lines, not %d", name, args, n, lines))
	}
	return took
}
