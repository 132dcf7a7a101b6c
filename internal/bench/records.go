//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/veriff/sandbox"
)

const (
	recordedSessions = 100
	recordedFiles    = 100 // in each
	recordReaders    = 16
)

// records measures what the access log costs those who open cached files: the
// processes are the same, the log is on the disk.
func (b *bench) records() {
	s := startStandin(sandbox.Scale{Sessions: recordedSessions, Files: recordedFiles, FileSize: 4096})
	defer s.stop()
	sessions := s.world.Sessions()
	var files []string // below each mount
	opening := make(map[string][]contender)
	modes := []string{"", "best-effort", "required"}
	for _, mode := range modes {
		var options []string
		if mode != "" {
			dir := filepath.Join(b.dir, "records-"+mode)
			options = []string{"--access-log", filepath.Join(dir, "access.log"), "--access-log-mode", mode, "--installation-key", filepath.Join(dir, "key")}
		}
		m := b.mount(s, "records-"+mode, sessions, options...)
		defer m.end()
		if files == nil {
			files = filesBelow(m.sessions)
			if len(files) != recordedSessions*recordedFiles {
				check(fmt.Errorf("%d files", len(files)))
			}
		}
		open := func(readers int, files []string) contender {
			return func(string) time.Duration { return b.openAll(m.sessions, files, readers) }
		}
		open(recordReaders, files)("") // fills the cache
		m.profileFromHere()
		opening[mode] = []contender{open(1, files[:2000]), open(recordReaders, files)}
	}
	measure := func(i, rounds int) series {
		each := make([]func() time.Duration, len(modes))
		for j, mode := range modes {
			each[j] = func() time.Duration {
				check(b.ctx.Err())
				return opening[mode][i]("")
			}
		}
		return inTurns(rounds, each...)
	}
	times := measure(0, b.turns(15, 3))
	cost := func(i int) float64 { return float64((times.best(i) - times.best(0)).Nanoseconds()) / 2000 / 1000 }
	b.table.atMost("an access log, best-effort, adds to an open and close of a cached file", cost(1), 20, " µs",
		"%.0f µs without; required, one reader: %.0f µs more", float64(times.best(0).Nanoseconds())/2000/1000, cost(2))
	times = measure(1, b.turns(5, 2))
	n := len(files)
	b.table.atLeast("16 readers open 10,000 cached files, access log required, of the speed without", times.ratio(0, 2), 0.5, "",
		"%.1f to %.1f thousand/s; best-effort %.1f", times.rate(2, n), times.rate(0, n), times.rate(1, n))
}

// openAll opens files by so many threads at once.
func (b *bench) openAll(dir string, files []string, readers int) time.Duration {
	return elapsed(func() {
		check(eachOf(files, readers, func(file string) error {
			fd, err := unix.Open(filepath.Join(dir, file), unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err == nil {
				err = unix.Close(fd)
			}
			return err
		}))
	})
}

// eachOf has so many threads at once do something with files, each with the next that
// nobody has. A thread ends with its first error, which is returned.
func eachOf(files []string, readers int, do func(file string) error) error {
	var (
		next    atomic.Int64
		threads sync.WaitGroup
		failed  = make(chan error, readers)
	)
	for range readers {
		threads.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for i := next.Add(1) - 1; int(i) < len(files); i = next.Add(1) - 1 {
				if err := do(files[i]); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	threads.Wait()
	close(failed)
	return <-failed // nil if there is none
}
