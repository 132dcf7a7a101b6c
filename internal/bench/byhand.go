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
	for _, latency := range b.at(0, barLatency) {
		h.s.delay(latency)
		h.measure(latency)
	}
}

func (h *hand) measure(latency time.Duration) {
	ours := h.rounds(latency, h.turns(3, 2), func(name string) (string, func()) {
		m := h.mount(h.s, fmt.Sprintf("hand-%s-%s", latency, name), h.sessions)
		return m.sessions, m.end
	})
	h.table.atMost(fmt.Sprintf("a walk in the background adds to the p99 of opening and reading one cold picture by hand at %d ms", latency.Milliseconds()),
		ours.added(), handBar, " ms", "%d pictures in a round: %s", handPictures, ours)
	if h.hasRclone() { // once: at 50 ms it takes a minute
		rclone := h.rounds(latency, 1, func(string) (string, func()) {
			m := h.mountRclone(h.s)
			return m.point, m.end
		})
		h.table.info("the same, "+rcloneMount, "%s ms (%s)", number(rclone.added()), rclone)
	}
}

// handful are the times of one contender, without a walk and with one.
type handful struct {
	alone, beside [][]time.Duration // in each round
	speeds        []float64         // of the walk, in bytes a second
}

// rounds measures in new mounts by turns.
func (h *hand) rounds(latency time.Duration, n int, mounted func(name string) (dir string, end func())) (t handful) {
	for range n {
		h.round("alone", mounted, func(dir string) { t.alone = append(t.alone, h.open(dir, latency)) })
		h.round("beside", mounted, func(dir string) {
			w := h.walk(dir)
			defer w.stop()
			w.awaitBytes(handBegun)
			before := w.bytes.Load()
			took := elapsed(func() { t.beside = append(t.beside, h.open(dir, latency)) })
			t.speeds = append(t.speeds, float64(w.bytes.Load()-before)/took.Seconds())
			w.check()
		})
	}
	return t
}

// added returns how many milliseconds a walk adds to the p99. The calmest rounds are
// compared.
func (t handful) added() float64 {
	return milliseconds(quantile(calmest(t.beside), 0.99) - quantile(calmest(t.alone), 0.99))
}

func (t handful) String() string {
	return fmt.Sprintf("alone %s; beside `tar`, which read up to %.0f MB/s, %s",
		middle(calmest(t.alone)), slices.Max(t.speeds)/1e6, middle(calmest(t.beside)))
}

// calmest returns the round with the lowest p99.
func calmest(rounds [][]time.Duration) []time.Duration {
	p99 := func(round []time.Duration) time.Duration { return quantile(round, 0.99) }
	return slices.MinFunc(rounds, func(a, b []time.Duration) int { return cmp.Compare(p99(a), p99(b)) })
}

// round has something done in a new mount. The directories of the pictures are listed
// before, as by somebody who looks for them.
func (h *hand) round(name string, mounted func(name string) (dir string, end func()), do func(dir string)) {
	dir, end := mounted(name)
	defer end()
	var dirs []string
	for _, session := range h.pictures() {
		dirs = append(dirs, session.ID.String())
	}
	check(eachOf(dirs, connections, func(session string) error {
		_, err := os.ReadDir(filepath.Join(dir, session))
		return err
	}))
	do(dir)
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
func (h *hand) open(dir string, latency time.Duration) (times []time.Duration) {
	for _, session := range h.pictures() {
		check(h.ctx.Err()) // nothing else here would notice a signal
		path := pathBelow(dir, session, session.Attempts[0].Media[0])
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

func (h *hand) walk(dir string) *backgroundWalk {
	w := &backgroundWalk{some: make(chan struct{}, 1), done: make(chan struct{})}
	args := []string{"-cf", "-", "-C", dir}
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
