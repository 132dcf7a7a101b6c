//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"veriffs/veriff/sandbox"
)

const (
	handWalked   = 1000 // sessions that are there for the walk, more than it reads
	handGap      = 100  // sessions after those, which it does not come near to even reading ahead
	handPictures = 200  // opened by hand in a round, each in a session of its own
	handBar      = 20   // ms that a walk may add to their p99
	handBegun    = 20e6 // bytes that a walk has read before the first picture is opened
)

// hand is somebody who opens single pictures, while somebody else may walk.
type hand struct {
	*bench
	s        *standin
	sessions []sandbox.Session // all, in the order of their names
}

// byHand measures what a walk costs those who open single pictures.
func byHand(b *bench) {
	h := &hand{bench: b, s: startStandin(sandbox.Scale{
		Sessions: handWalked + handGap + 2*handPictures, Files: len(sessionFiles), FileSize: pictureSize,
	})}
	defer h.s.stop()
	h.sessions = h.s.world.Sessions()
	slices.SortFunc(h.sessions, func(a, b sandbox.Session) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	for _, latency := range []time.Duration{0, barLatency} {
		h.s.delay(latency)
		h.measure(latency)
	}
}

func (h *hand) measure(latency time.Duration) {
	var (
		alone, beside [][]time.Duration // in each round
		speeds        []float64         // of the walk, in bytes a second
	)
	for range h.turns(3, 2) {
		h.round(latency, "alone", func(m *mount) { alone = append(alone, h.open(m, latency)) })
		h.round(latency, "beside", func(m *mount) {
			w := h.walk(m)
			defer w.stop()
			w.awaitBytes(handBegun)
			before := w.bytes.Load()
			took := elapsed(func() { beside = append(beside, h.open(m, latency)) })
			speeds = append(speeds, float64(w.bytes.Load()-before)/took.Seconds())
			w.check()
		})
	}
	p99 := func(round []time.Duration) time.Duration { return quantile(round, 0.99) }
	calmest := func(rounds [][]time.Duration) []time.Duration {
		return slices.MinFunc(rounds, func(a, b []time.Duration) int { return cmp.Compare(p99(a), p99(b)) })
	}
	without, with := calmest(alone), calmest(beside)
	h.table.atMost(fmt.Sprintf("a walk in the background adds to the p99 of opening and reading one cold picture by hand at %d ms", latency.Milliseconds()),
		milliseconds(p99(with)-p99(without)), handBar, " ms", "%d pictures in a round: alone %s; beside `tar`, which read up to %.0f MB/s, %s",
		handPictures, middle(without), slices.Max(speeds)/1e6, middle(with))
}

// round has something done in a new mount. The directories of the pictures are listed
// before, as by somebody who looks for them.
func (h *hand) round(latency time.Duration, name string, do func(*mount)) {
	m := h.mount(h.s, fmt.Sprintf("hand-%s-%s", latency, name), h.sessions)
	defer m.end()
	var dirs []string
	for _, session := range h.pictures() {
		dirs = append(dirs, session.ID.String())
	}
	check(eachOf(dirs, connections, func(dir string) error {
		_, err := os.ReadDir(filepath.Join(m.sessions, dir))
		return err
	}))
	do(m)
}

// pictures are the sessions of which one is opened, in that order. They are no
// neighbours, which might be taken for a walk.
func (h *hand) pictures() (sessions []sandbox.Session) {
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(handPictures) { // as people look at cases
		sessions = append(sessions, h.sessions[handWalked+handGap+2*i])
	}
	return sessions
}

// open opens and reads the pictures one after the other, and returns how long each took.
func (h *hand) open(m *mount, latency time.Duration) (times []time.Duration) {
	for _, session := range h.pictures() {
		check(h.ctx.Err()) // nothing else here would notice a signal
		path := m.pathOf(session, session.Attempts[0].Media[0])
		took := elapsed(func() {
			if n := len(must(os.ReadFile(path))); n != pictureSize {
				check(fmt.Errorf("%s has %d bytes, not %d", path, n, pictureSize))
			}
		})
		if took < latency {
			check(fmt.Errorf("%s was there before it was opened: read in %v", path, took))
		}
		times = append(times, took)
	}
	return times
}

// backgroundWalk is a tar of sessions that nobody opens by hand.
type backgroundWalk struct {
	bytes atomic.Int64  // read so far
	some  chan struct{} // has something whenever there are more
	done  chan struct{}
	err   error // once it is done
	end   context.CancelFunc
}

func (h *hand) walk(m *mount) *backgroundWalk {
	w := &backgroundWalk{some: make(chan struct{}, 1), done: make(chan struct{})}
	args := []string{"-cf", "-", "-C", m.sessions}
	for _, session := range h.sessions[:handWalked] {
		args = append(args, session.ID.String())
	}
	ctx, end := context.WithCancel(h.ctx)
	w.end = end
	cmd := exec.CommandContext(ctx, "tar", args...)
	cmd.Stdout = w
	go func() {
		defer close(w.done)
		w.err = cmd.Run()
	}()
	return w
}

// Write takes what tar writes.
func (w *backgroundWalk) Write(p []byte) (int, error) {
	w.bytes.Add(int64(len(p)))
	select {
	case w.some <- struct{}{}:
	default:
	}
	return len(p), nil
}

// awaitBytes returns once so many bytes were read.
func (w *backgroundWalk) awaitBytes(n int64) {
	for w.bytes.Load() < n {
		select {
		case <-w.some:
		case <-w.done:
			w.check()
		}
	}
}

// check fails if the walk is over.
func (w *backgroundWalk) check() {
	select {
	case <-w.done:
		check(fmt.Errorf("the walk in the background ended after %d bytes: %w", w.bytes.Load(), cmp.Or(w.err, io.EOF)))
	default:
	}
}

func (w *backgroundWalk) stop() {
	w.end()
	<-w.done
}
