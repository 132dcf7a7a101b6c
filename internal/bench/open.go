//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"veriffs/veriff/sandbox"
)

// pathOf returns the path of a file in the mount, found by its id.
func (m *mount) pathOf(session sandbox.Session, f sandbox.File) string {
	return pathBelow(m.sessions, session, f)
}

func pathBelow(sessions string, session sandbox.Session, f sandbox.File) string {
	dir := filepath.Join(sessions, session.ID.String())
	for _, e := range must(os.ReadDir(dir)) {
		if strings.HasPrefix(e.Name(), f.ID.String()) {
			return filepath.Join(dir, e.Name())
		}
	}
	panic(failure{fmt.Errorf("%s has no %s", dir, f.ID)})
}

// picture measures how long an analyst waits for a picture.
func (b *bench) picture() {
	s := startStandin()
	defer s.stop()
	s.delay(barLatency)
	walked, _ := s.set()
	m := b.mount(s, "open", walked)
	defer m.end()
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(walked)) // as people look at cases
	next := func(step int) (session sandbox.Session, wanted, other sandbox.File) {
		session = walked[order[0]]
		order = order[step:]
		for _, f := range session.Attempts[0].Media {
			if f.Size == pictureSize {
				wanted = f
			} else {
				other = f
			}
		}
		return session, wanted, other
	}
	times := inTurns(b.turns(20, 5),
		func() time.Duration {
			session, f, _ := next(1)
			path := m.pathOf(session, f)
			return elapsed(func() {
				if n := len(must(os.ReadFile(path))); n != pictureSize {
					check(fmt.Errorf("%s has %d bytes, not %d", path, n, pictureSize))
				}
			})
		},
		func() time.Duration {
			_, wanted, other := next(0)
			return b.curlKeptAlive(s, other, wanted)
		})
	b.table.atMost("cold open and read of a 300 KB picture at 50 ms, times one kept-alive curl",
		times.ratio(0, 1), 1.15, " ×", "%s to %s", times.show(0), times.show(1))
}

// waste measures what is fetched and not read.
func (b *bench) waste() {
	s := startStandin()
	defer s.stop()
	s.delay(barLatency)
	walked, _ := s.set()
	b.oneFile(s, walked)
	b.stopped(s, walked)
}

// settle is how long prefetching may take to stop.
const settle = time.Second

// unread returns the bytes and the number of files that were fetched but not
// read.
func unread(s *standin, sessions []sandbox.Session, read map[string]bool) (bytes int64, files int) {
	fetched := s.requests("media")
	for _, session := range sessions {
		for _, f := range session.Attempts[0].Media {
			n := fetched[f.ID.String()]
			if n > 0 && read[f.ID.String()] {
				n--
			}
			bytes, files = bytes+int64(n)*f.Size, files+n
		}
	}
	return bytes, files
}

func (b *bench) oneFile(s *standin, walked []sandbox.Session) {
	m := b.mount(s, "one", walked)
	defer m.end()
	s.reset()
	f := walked[20].Attempts[0].Media[3]
	b.timed("cat", m.pathOf(walked[20], f))
	time.Sleep(2 * settle)
	bytes, files := unread(s, walked, map[string]bool{f.ID.String(): true})
	b.table.atMost("bytes fetched that nobody read, after `cat` of one file of nine", float64(bytes), 0, " B", "%d files", files)
}

// windowBar is the most that may be on its way when a walk stops, in bytes.
const windowBar = 64 << 20

// stopped walks over half of everything and stops.
func (b *bench) stopped(s *standin, walked []sandbox.Session) {
	m := b.mount(s, "stopped", walked)
	defer m.end()
	s.reset()
	read := map[string]bool{}
	for _, session := range walked[:len(walked)/2] {
		dir := filepath.Join(m.sessions, session.ID.String())
		for _, e := range must(os.ReadDir(dir)) {
			must(os.ReadFile(filepath.Join(dir, e.Name())))
			id, _, _ := strings.Cut(e.Name(), ".")
			read[id] = true
		}
	}
	time.Sleep(settle)
	bytes, files := unread(s, walked, read)
	b.table.atMost("fetched and not read when a walk at 50 ms stops half way (one window)",
		float64(bytes)/1e6, windowBar/1e6, " MB", "%d files", files)
	time.Sleep(settle)
	later, _ := unread(s, walked, read)
	b.table.atMost("fetched more than a second after that", float64(later-bytes), 0, " B", "")
}
