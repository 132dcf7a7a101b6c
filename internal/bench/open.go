//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"veriffs/veriff/sandbox"
)

// splitPath splits a path of the API into what it begins with and its id.
func splitPath(path string) (kind, id string) {
	parts := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")
	if len(parts) < 2 {
		return "", ""
	}
	return parts[0], parts[1]
}

// pictureOf returns the file of that size in a session, and another.
func pictureOf(session sandbox.Session, size int64) (wanted, other sandbox.File) {
	for _, f := range session.Attempts[0].Media {
		if f.Size == size {
			wanted = f
		} else {
			other = f
		}
	}
	return wanted, other
}

// pathOf finds a file's path in the mount by its id.
func (m *mount) pathOf(session sandbox.Session, f sandbox.File) (string, error) {
	dir := filepath.Join(m.sessions, session.ID.String())
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), f.ID.String()) {
			return filepath.Join(dir, e.Name()), nil
		}
	}
	return "", fmt.Errorf("%s has no %s", dir, f.ID)
}

// readWhole opens and reads a file and returns how long that took.
func readWhole(path string, size int64) (time.Duration, error) {
	start := time.Now()
	text, err := os.ReadFile(path)
	elapsed := time.Since(start)
	if err == nil && int64(len(text)) != size {
		err = fmt.Errorf("%s has %d bytes, not %d", path, len(text), size)
	}
	return elapsed, err
}

// picture measures how long an analyst waits for a picture.
func (b *bench) picture(ctx context.Context) error {
	s, err := startStandin(ctx, spec{Walk: true})
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.delay(barLatency); err != nil {
		return err
	}
	walked, _ := s.set()
	m, err := b.mount(ctx, s, "open", walked)
	if err != nil {
		return err
	}
	defer m.stop()
	// From here and there, as people look at cases.
	sessions := rand.New(rand.NewPCG(1, 2)).Perm(len(walked))
	next := 0
	rounds := 20
	if b.quick {
		rounds = 5
	}
	times, err := inTurns(rounds,
		func() (time.Duration, error) {
			session := walked[sessions[next]]
			next++
			f, _ := pictureOf(session, pictureSize)
			path, err := m.pathOf(session, f)
			if err != nil {
				return 0, err
			}
			return readWhole(path, pictureSize)
		},
		func() (time.Duration, error) {
			wanted, other := pictureOf(walked[sessions[next]], pictureSize)
			return curlKeptAlive(ctx, s, other, wanted, b.memory)
		})
	if err != nil {
		return err
	}
	b.table.atMost("cold open and read of a 300 KB picture at 50 ms, times one kept-alive curl",
		times.ratio(0, 1), 1.15, " ×", "%s to %s", seconds(times.best(0)), seconds(times.best(1)))
	return m.end()
}

// waste measures what is fetched and not read.
func (b *bench) waste(ctx context.Context) error {
	s, err := startStandin(ctx, spec{Walk: true})
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.delay(barLatency); err != nil {
		return err
	}
	walked, _ := s.set()
	if err := b.oneFile(ctx, s, walked); err != nil {
		return err
	}
	return b.stopped(ctx, s, walked)
}

// settle is how long what runs ahead may take to stop.
const settle = time.Second

// unread returns the bytes and the number of files asked for but not read.
func unread(s *standin, sizes map[string]int64, read map[string]bool) (bytes int64, files int, err error) {
	counts, err := s.counts()
	if err != nil {
		return 0, 0, err
	}
	for path, n := range counts.ByPath {
		kind, id := splitPath(path)
		if kind != "media" {
			continue
		}
		if read[id] {
			n--
		}
		bytes, files = bytes+int64(n)*sizes[id], files+n
	}
	return bytes, files, nil
}

func sizesOf(sessions []sandbox.Session) map[string]int64 {
	sizes := map[string]int64{}
	for _, session := range sessions {
		for _, f := range session.Attempts[0].Media {
			sizes[f.ID.String()] = f.Size
		}
	}
	return sizes
}

func (b *bench) oneFile(ctx context.Context, s *standin, walked []sandbox.Session) error {
	m, err := b.mount(ctx, s, "one", walked)
	if err != nil {
		return err
	}
	defer m.stop()
	if err := s.reset(); err != nil {
		return err
	}
	f := walked[20].Attempts[0].Media[3]
	path, err := m.pathOf(walked[20], f)
	if err != nil {
		return err
	}
	if _, _, err := timed(ctx, "cat", path); err != nil {
		return err
	}
	time.Sleep(2 * settle)
	bytes, files, err := unread(s, sizesOf(walked), map[string]bool{f.ID.String(): true})
	if err != nil {
		return err
	}
	b.table.atMost("bytes fetched that nobody read, after `cat` of one file of nine", float64(bytes), 0, " B", "%d files", files)
	return m.end()
}

// windowBar is the most that may be on its way when a walk stops, in bytes.
const windowBar = 64 << 20

// stopped walks half of everything and stops.
func (b *bench) stopped(ctx context.Context, s *standin, walked []sandbox.Session) error {
	m, err := b.mount(ctx, s, "stopped", walked)
	if err != nil {
		return err
	}
	defer m.stop()
	if err := s.reset(); err != nil {
		return err
	}
	read := map[string]bool{}
	for _, session := range walked[:len(walked)/2] {
		dir := filepath.Join(m.sessions, session.ID.String())
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if _, err := os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
			id, _, _ := strings.Cut(e.Name(), ".")
			read[id] = true
		}
	}
	var bytes [2]int64
	var files [2]int
	for i := range bytes {
		time.Sleep(settle)
		if bytes[i], files[i], err = unread(s, sizesOf(walked), read); err != nil {
			return err
		}
	}
	b.table.atMost("fetched and not read when a walk at 50 ms stops half way (one window)",
		float64(bytes[0])/1e6, windowBar/1e6, " MB", "%d files", files[0])
	b.table.atMost("fetched more than a second after that", float64(bytes[1]-bytes[0]), 0, " B", "")
	return m.end()
}
