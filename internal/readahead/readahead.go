// Package readahead carries out what package prefetch predicts: it feeds the
// predictor with what a library sees, and has the files and listings of its plans
// fetched.
//
// Promises: nothing here is waited for by whoever opens a file, neither the network
// nor a disk. What was fetched ahead and is not opened yet is bounded in bytes. A
// speculative fetch that somebody waits for is never dropped.
//
// A [ReadAhead] is safe for concurrent use. It has one lock, with which it may look
// into memory and start work, and waits for nothing.
package readahead

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/internal/catalog"
	"veriffs/internal/collection"
	"veriffs/internal/flight"
	"veriffs/internal/listing"
	"veriffs/internal/prefetch"
	"veriffs/veriff"
)

const (
	// bytesMost bounds what was fetched ahead and is not opened yet.
	bytesMost = 64 << 20
	// tick is how often streams that stand still are looked for.
	tick = prefetch.Pause / 8
)

// Library is what reading ahead needs of the library.
type Library interface {
	// Listing returns the listing of a session if it is in memory and up to date.
	Listing(veriff.SessionID) (*listing.Listing, bool)
	// List refreshes a listing in the background, and calls then if it did.
	List(id veriff.SessionID, then func())
	// Wanted reports whether a file may be fetched, and is not in the cache. It may wait
	// for the disk.
	Wanted(*listing.File) bool
	// Speculate starts a fetch that nobody waits for, or returns nil.
	Speculate(*listing.File) *flight.Task
	// Spawn runs f in a goroutine that the library owns.
	Spawn(f func())
}

// Options is what a ReadAhead is made of.
type Options struct {
	Library  Library
	Sessions *collection.Sessions
	Catalog  *catalog.Catalog
	Lanes    *flight.Lanes
	Room     int64 // bytes that the cache may take, of which a quarter may be fetched ahead
	Off      bool  // nothing is fetched ahead
}

// ReadAhead feeds the predictor and carries out its plans. Make one with New.
type ReadAhead struct {
	lib          Library
	lanes        *flight.Lanes
	used, wasted atomic.Int64 // files fetched ahead and opened, or dropped

	mu        sync.Mutex
	off       bool
	predictor *prefetch.Predictor
	claims    map[veriff.MediaID]*flight.Task // of fetches that nobody has opened
	tick      *time.Timer                     // nil if no stream is to be looked after
}

// New returns a ReadAhead that has seen nothing yet.
func New(o Options) *ReadAhead {
	return &ReadAhead{
		lib: o.Library, lanes: o.Lanes, off: o.Off, claims: make(map[veriff.MediaID]*flight.Task),
		predictor: prefetch.New(&sequence{lib: o.Library, sessions: o.Sessions, catalog: o.Catalog}, min(bytesMost, o.Room/4)),
	}
}

// Counts returns how many files whose fetch began before anyone asked for them
// were opened, and how many were dropped.
func (r *ReadAhead) Counts() (used, wasted int64) { return r.used.Load(), r.wasted.Load() }

// Opened tells of a file that somebody opens.
func (r *ReadAhead) Opened(f *listing.File) {
	r.feed(func(p *prefetch.Predictor, now time.Time) prefetch.Plan {
		if r.claims[f.ID] != nil {
			delete(r.claims, f.ID)
			r.used.Add(1)
		}
		if r.tick == nil {
			r.tick = time.AfterFunc(tick, func() { r.lib.Spawn(r.passed) })
		}
		return p.Opened(now, spotOf(f))
	})
}

// Delivered tells that a file is open for which somebody had to wait.
func (r *ReadAhead) Delivered(f *listing.File) {
	r.feed(func(p *prefetch.Predictor, now time.Time) prefetch.Plan {
		p.Delivered(now, spotOf(f))
		return prefetch.Plan{}
	})
}

// Entered tells of a session that somebody enters.
func (r *ReadAhead) Entered(id veriff.SessionID) {
	r.feed(func(p *prefetch.Predictor, _ time.Time) prefetch.Plan { return p.Entered(id) })
}

// arrived tells that a listing was asked for ahead, and is there or could not be
// had.
func (r *ReadAhead) arrived() {
	r.feed(func(p *prefetch.Predictor, _ time.Time) prefetch.Plan { return p.Arrived() })
}

// passed tells that time has passed, unless somebody waits: a stream that
// seems to stand still may be waiting for us.
func (r *ReadAhead) passed() {
	busy := r.lanes.Busy()
	r.feed(func(p *prefetch.Predictor, now time.Time) (plan prefetch.Plan) {
		again := busy
		if !busy {
			plan, again = p.Passed(now)
		}
		if again {
			r.tick.Reset(tick)
		} else {
			r.tick = nil
		}
		return plan
	})
}

// feed gives the predictor an event and has its plan carried out.
func (r *ReadAhead) feed(event func(*prefetch.Predictor, time.Time) prefetch.Plan) {
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
		r.lib.Spawn(func() { r.carryOut(plan) })
	}
}

// carryOut starts what is planned. It may wait for the cache's disk.
func (r *ReadAhead) carryOut(plan prefetch.Plan) {
	for _, id := range plan.List {
		r.lib.List(id, r.arrived)
	}
	for _, spot := range plan.Fetch {
		if f := &spot.Listing.(*directory).Files[spot.Index]; r.lib.Wanted(f) {
			r.fetch(f)
		}
	}
}

// fetch starts a speculative fetch, if it is still wanted.
func (r *ReadAhead) fetch(f *listing.File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off || !r.predictor.Expects(f.ID) {
		return
	}
	if t := r.lib.Speculate(f); t != nil {
		r.claims[f.ID] = t
	}
}

// dropLocked ends a speculative fetch, unless somebody waits for it.
func (r *ReadAhead) dropLocked(id veriff.MediaID) {
	if t := r.claims[id]; t != nil {
		delete(r.claims, id)
		r.wasted.Add(1)
		r.lanes.GiveUp(t)
	}
}

// Stop ends all reading ahead.
func (r *ReadAhead) Stop() {
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

func spotOf(f *listing.File) prefetch.Spot {
	n, _ := slices.BinarySearchFunc(f.In.Files, f.ID, func(o listing.File, id veriff.MediaID) int { return o.ID.Compare(id) })
	return prefetch.Spot{Listing: (*directory)(f.In), Index: n}
}

// directory is a listing as the predictor sees it.
type directory listing.Listing

func (d *directory) Len() int { return len(d.Files) }

func (d *directory) Dir() prefetch.Dir {
	if d.OfAttempt {
		return prefetch.Dir{Session: d.Session, Attempt: d.Attempt}
	}
	return prefetch.Dir{Session: d.Session}
}

func (d *directory) File(i int) prefetch.File {
	f := &d.Files[i]
	size := f.ListedSize
	if size == listing.UnknownSize {
		size = 1 << 20 // a picture
	}
	return prefetch.File{ID: f.ID, Kind: f.Type, Size: size}
}
