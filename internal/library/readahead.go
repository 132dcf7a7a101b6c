package library

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/internal/flight"
	"veriffs/internal/prefetch"
	"veriffs/internal/store"
	"veriffs/veriff"
)

const (
	// prefetchBytes bounds what was fetched ahead and is not opened yet.
	prefetchBytes = 64 << 20
	// prefetchTick is how often streams that stand still are looked for.
	prefetchTick = prefetch.Pause / 8
)

// readAhead feeds the predictor and carries out its plans. Nothing is waited
// for with mu held, neither a disk nor the network.
type readAhead struct {
	lib          *Library
	cached       func(veriff.MediaID) bool // may wait for the disk
	used, wasted atomic.Int64              // files fetched ahead and opened, or dropped

	mu        sync.Mutex
	off       bool
	predictor *prefetch.Predictor
	claims    map[veriff.MediaID]*flight.Task // of fetches that nobody has opened
	tick      *time.Timer                     // nil if no stream is to be looked after
}

func (r *readAhead) init(l *Library, off bool) {
	_, room := l.Room()
	r.lib, r.off, r.claims = l, off, make(map[veriff.MediaID]*flight.Task)
	r.cached = func(id veriff.MediaID) bool { return l.cache.Has(store.File(id)) }
	r.predictor = prefetch.New(&sequence{lib: l}, min(prefetchBytes, room/4))
}

// opened tells of a file that somebody opens.
func (r *readAhead) opened(f *File) {
	r.feed(func(p *prefetch.Predictor, now time.Time) prefetch.Plan {
		if r.claims[f.ID] != nil {
			delete(r.claims, f.ID)
			r.used.Add(1)
		}
		if r.tick == nil {
			r.tick = time.AfterFunc(prefetchTick, func() { _ = r.lib.guard(func() error { r.passed(); return nil })() })
		}
		return p.Opened(now, spotOf(f))
	})
}

// delivered tells that a file is open for which somebody had to wait.
func (r *readAhead) delivered(f *File) {
	r.feed(func(p *prefetch.Predictor, now time.Time) prefetch.Plan {
		p.Delivered(now, spotOf(f))
		return prefetch.Plan{}
	})
}

// entered tells of a session that somebody enters.
func (r *readAhead) entered(id veriff.SessionID) {
	r.feed(func(p *prefetch.Predictor, _ time.Time) prefetch.Plan { return p.Entered(id) })
}

// listed tells that the asking for a listing ahead has ended.
func (r *readAhead) listed() {
	r.feed(func(p *prefetch.Predictor, _ time.Time) prefetch.Plan { return p.Listed() })
}

// passed tells that time has passed, unless somebody waits: a stream that
// seems to stand still may be waiting for us.
func (r *readAhead) passed() {
	busy := r.lib.lanes.Busy()
	r.feed(func(p *prefetch.Predictor, now time.Time) (plan prefetch.Plan) {
		again := busy
		if !busy {
			plan, again = p.Passed(now)
		}
		if again {
			r.tick.Reset(prefetchTick)
		} else {
			r.tick = nil
		}
		return plan
	})
}

// feed gives the predictor an event and has its plan carried out.
func (r *readAhead) feed(event func(*prefetch.Predictor, time.Time) prefetch.Plan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return
	}
	plan := event(r.predictor, time.Now()) // the clock on the wall may be set
	for _, id := range plan.Drop {
		r.dropLocked(id)
	}
	if len(plan.Fetch)+len(plan.List) > 0 {
		r.lib.spawn(func() { r.carryOut(plan) })
	}
}

// carryOut starts what is planned. It may wait for the cache's disk.
func (r *readAhead) carryOut(plan prefetch.Plan) {
	for _, id := range plan.List {
		r.lib.listings.answers.Refresh(id, r.listed)
	}
	for _, spot := range plan.Fetch {
		if f := &spot.Listing.(*directory).Files[spot.Index]; !r.cached(f.ID) {
			r.fetch(f)
		}
	}
}

// fetch starts a speculative fetch, if it is still wanted.
func (r *readAhead) fetch(f *File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off || !r.predictor.Expects(f.ID) {
		return
	}
	if c := r.lib.fetches.Speculate(f.ID, func(t *flight.Task) (*object, error) { return r.lib.obtain(t, f) }); c != nil {
		r.claims[f.ID] = c
	}
}

// dropLocked ends a speculative fetch, unless somebody waits for it.
func (r *readAhead) dropLocked(id veriff.MediaID) {
	if c := r.claims[id]; c != nil {
		delete(r.claims, id)
		r.wasted.Add(1)
		r.lib.lanes.GiveUp(c)
	}
}

// stop ends all reading ahead.
func (r *readAhead) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off = true
	for id := range r.claims {
		r.dropLocked(id)
	}
	if r.tick != nil {
		r.tick.Stop()
	}
}

func spotOf(f *File) prefetch.Spot {
	n, _ := slices.BinarySearchFunc(f.In.Files, f.ID, func(o File, id veriff.MediaID) int { return o.ID.Compare(id) })
	return prefetch.Spot{Listing: (*directory)(f.In), Index: n}
}

// directory is a listing as the predictor sees it.
type directory Listing

func (d *directory) Len() int { return len(d.Files) }

func (d *directory) Dir() prefetch.Dir {
	if d.OfAttempt {
		return prefetch.Dir{Session: d.Session, Attempt: d.Attempt}
	}
	return prefetch.Dir{Session: d.Session}
}

func (d *directory) File(i int) prefetch.File {
	f := &d.Files[i]
	size := f.Listed
	if size == UnknownSize {
		size = 1 << 20 // a picture
	}
	return prefetch.File{ID: f.ID, Kind: prefetch.Kind{Context: f.Context, MIMEType: f.MIMEType}, Size: size}
}
