//go:build linux

package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"veriffs/veriff/sandbox"
)

const (
	memberCount    = 20
	memberSessions = 200
	memberFiles    = 5 // in each session
	memberFileSize = 20_000
	memberPause    = 400 * time.Millisecond
)

// members are mounts that share a store, each with a cache of its own, and what they
// should read.
type members struct {
	*bench
	s      *standin
	store  *storage
	disk   string // where the bench has its files otherwise
	listed []sandbox.Session
	pause  time.Duration                // between the beginnings of two sessions, if there is one reader
	files  [][]string                   // of each session: paths below the mounts
	hashes map[string][sha256.Size]byte // by path
}

// measure measures how often many mounts that read at once ask the API for a file. Twenty
// that go as fast as they can are too many for a few processors; at a pace they are not.
func (m *members) measure() {
	halves, all := m.halves(), slices.Repeat([][]string{slices.Concat(m.files...)}, memberCount)
	const asked = ": requests to the API, of the files"
	run := m.read("halves", halves, 1, m.s.team("halves"))
	m.table.atMost("20 mounts walk a random half of 200 sessions each, at once at 20 ms"+asked, run.ratio(), 1.05, " ×", "%s", run)
	m.pause = memberPause
	run = m.read("paced", halves, 1, append(m.s.team("paced"), "--read-ahead", "off"))
	m.table.info(fmt.Sprintf("the same, each a session every %d ms and nothing ahead"+asked, memberPause.Milliseconds()), "%.2f × (%s)", run.ratio(), run)
	m.pause = 0
	run = m.read("same", all, connections, m.s.team("same"))
	m.table.info("20 mounts open the same 1,000 files at the same moment"+asked, "%.2f × (%s)", run.ratio(), run)
	m.s.relay(m.store, true)
	run = m.read("unleased", all, connections, m.s.team("unleased"))
	m.table.info("the same where the store denies leases"+asked, "%.2f × (%s)", run.ratio(), run)
}

// startMembers serves a generated world and a store. As twenty machines have a disk each,
// all is in memory until stop.
func (b *bench) startMembers(scale sandbox.Scale) *members {
	m := &members{bench: b, s: startStandin(scale), disk: b.dir, hashes: map[string][sha256.Size]byte{}}
	b.dir = b.memory
	m.store = b.startStorage()
	m.s.relay(m.store, false)
	m.s.delay(teamLatency)
	m.listed = m.s.world.Sessions()
	probe := b.mount(m.s, "names", m.listed)
	defer probe.end()
	for _, session := range m.listed {
		dir := session.ID.String()
		contents := map[string]sandbox.File{}
		for _, f := range session.Attempts[0].Media {
			contents[f.ID.String()] = f
		}
		var files []string
		for _, e := range must(os.ReadDir(filepath.Join(probe.sessions, dir))) {
			id, _, _ := strings.Cut(e.Name(), ".")
			path := filepath.Join(dir, e.Name())
			m.hashes[path] = sha256.Sum256(must(io.ReadAll(contents[id].Open())))
			files = append(files, path)
		}
		m.files = append(m.files, files)
	}
	slices.SortFunc(m.files, slices.Compare) // as a walk goes
	return m
}

func (m *members) stop() {
	m.store.stop()
	m.s.stop()
	m.dir = m.disk
}

// halves returns for each member the files of a half of all sessions, in order.
func (m *members) halves() (files [][]string) {
	random := rand.New(rand.NewPCG(3, 4))
	for range memberCount {
		half := random.Perm(len(m.files))[:len(m.files)/2]
		slices.Sort(half)
		var mine []string
		for _, i := range half {
			mine = append(mine, m.files[i]...)
		}
		files = append(files, mine)
	}
	return files
}

// reading is what it took that all members read.
type reading struct {
	requests, distinct int // of files, to the API
	took               time.Duration
}

func (r reading) ratio() float64 { return float64(r.requests) / float64(r.distinct) }

func (r reading) String() string {
	return fmt.Sprintf("%d for %d files, in %s", r.requests, r.distinct, seconds(r.took))
}

// read mounts once for each list of files and has all members read theirs at the same
// time, each by so many threads. A wrong byte ends the run.
func (m *members) read(name string, files [][]string, readers int, options []string) (r reading) {
	mounts := make([]*mount, len(files))
	for i := range mounts {
		mounts[i] = m.mount(m.s, fmt.Sprintf("%s-%d", name, i), m.listed, options...)
		defer mounts[i].end()
	}
	m.s.reset()
	failed := make(chan error, len(mounts))
	r.took = elapsed(func() {
		for i, mine := range files {
			go func() {
				session, next := "", time.Now()
				failed <- eachOf(mine, readers, func(file string) error {
					if m.pause > 0 && filepath.Dir(file) != session {
						session = filepath.Dir(file)
						time.Sleep(time.Until(next))
						next = time.Now().Add(m.pause)
					}
					return m.checkFile(mounts[i], file)
				})
			}()
		}
		for range mounts {
			check(<-failed)
		}
	})
	for _, n := range m.s.requests("media") {
		r.requests += n
	}
	distinct := map[string]bool{}
	for _, file := range slices.Concat(files...) {
		distinct[file] = true
	}
	r.distinct = len(distinct)
	return r
}

// checkFile reads a file of a mount.
func (m *members) checkFile(from *mount, file string) error {
	content, err := os.ReadFile(filepath.Join(from.sessions, file))
	if err == nil && sha256.Sum256(content) != m.hashes[file] {
		err = fmt.Errorf("%s has other bytes than the API", file)
	}
	return err
}
