// Package prefetch predicts which files will be opened next from those that
// were. Events go in, each with its time; out comes a [Plan]: fetch these
// files, list these sessions, drop those fetches that nobody opened.
//
// A stream is a program that opens one file after the other. It shows itself by
// two neighbours, by three files of a session at the pace of a tool, or by
// three sessions in an order. From then on it has a window of files to fetch
// ahead, which doubles when an expected file is opened. A file that is passed over
// too often is dropped.
//
// Promises: the files in plans that were neither opened nor dropped are, for
// each stream, at most a window and another of guesses, and within the budget
// of bytes, give or take a file. Without events nothing is planned. Not
// promised: that a plan comes true, or that its files are not in the cache.
//
// A [Predictor] does no I/O, reads no clock, starts no goroutine and has no
// lock: its owner gives it one event at a time.
package prefetch

import (
	"slices"
	"time"

	"veriffs/veriff"
)

const (
	// Pause is how long a stream may stand still before its speculative fetches
	// are dropped. What comes sooner was opened by a tool and not by hand.
	Pause = time.Second
	// filesMost bounds the window in files. It has to keep every connection busy
	// while the program waits for the slowest: 8 × 16 was enough at 50 ms.
	filesMost = 128
	// sessionsMost bounds the window of listings.
	sessionsMost = 64
	// passedMost is how often other files may be opened before an expected one.
	// Several programs at work on one list stay below it.
	passedMost = 8
	// streamsMost bounds the streams; a shuffled list is one in each session.
	streamsMost = 256
	listersMost = 8
	// openedMost bounds the files that a stream without an order remembers.
	openedMost = 1 << 16
	// sessionsAside bounds the sessions looked through for a file to fetch.
	sessionsAside = 256
)

// World is what a predictor sees. It must not wait.
type World interface {
	// Next returns the session after another in an order. Those that are known
	// to have no files are passed over.
	Next(veriff.SessionID, Order) (veriff.SessionID, bool)
	// Listing returns the files of a session, if they are known.
	Listing(veriff.SessionID) (Listing, bool)
}

// Order is one in which a program goes through the sessions.
type Order struct {
	ByDate  bool // the newest first, as ls -t has it; else by name
	Reverse bool
}

func (o Order) step() int {
	if o.Reverse {
		return -1
	}
	return +1
}

// orders are all that are told apart, the likeliest first.
var orders = [...]Order{{}, {Reverse: true}, {ByDate: true}, {ByDate: true, Reverse: true}}

// Listing is the files of a directory, in the order of their names.
type Listing interface {
	Dir() Dir
	Len() int
	File(int) File
}

// Dir is a session, or one attempt of it: that is not followed to the next.
type Dir struct {
	Session veriff.SessionID
	Attempt veriff.AttemptID
}

func (d Dir) isAttempt() bool { return d.Attempt != veriff.AttemptID{} }

// File is a file of a listing.
type File struct {
	ID   veriff.MediaID
	Kind Kind
	Size int64 // bytes
}

// Kind is what a program that wants only some files of each session goes by. It can be
// compared.
type Kind any

// Spot is a file's place in a listing.
type Spot struct {
	Listing Listing
	Index   int
}

func (s Spot) file() File { return s.Listing.File(s.Index) }
func (s Spot) dir() Dir   { return s.Listing.Dir() }

// Plan is what to do, in this order. Any part may be empty.
type Plan struct {
	Drop  []veriff.MediaID // of earlier plans: not expected any more
	Fetch []Spot
	List  []veriff.SessionID
}

// Predictor plans ahead of all streams.
type Predictor struct {
	world    World
	budget   int64
	bytes    int64 // expected
	expected map[veriff.MediaID]*fetch
	streams  map[Dir]*stream // by where they are
	last     *stream         // that moved
	listers  []lister        // the one that moved last comes first
	stray    veriff.MediaID  // opened last of the files that no stream led to
	strayed  time.Time       // when it was delivered
	burst    int             // counts the pauses between such files
	plan     Plan            // of the event at hand
}

// New returns a predictor that expects about budget bytes at most.
func New(w World, budget int64) *Predictor {
	return &Predictor{world: w, budget: budget, expected: make(map[veriff.MediaID]*fetch), streams: make(map[Dir]*stream)}
}

// Expects reports whether a planned file was neither opened nor dropped.
func (p *Predictor) Expects(id veriff.MediaID) bool { return p.expected[id] != nil }

// Opened tells of a file that is being opened.
func (p *Predictor) Opened(now time.Time, f Spot) Plan {
	s := p.follow(now, f)
	s.moved, p.last = now, s
	s.extend()
	return p.take()
}

// Delivered tells that a file has come which somebody had opened and waited
// for: that was no pause of theirs.
func (p *Predictor) Delivered(now time.Time, f Spot) {
	if s := p.streams[f.dir()]; s != nil {
		s.moved = now
	}
	if f.file().ID == p.stray {
		p.strayed = now
	}
}

// Arrived tells that a planned listing has come, or could not be had. It plans
// no other: one that fails would be asked for without end.
func (p *Predictor) Arrived() Plan {
	if p.last != nil {
		p.last.extend()
	}
	p.plan.List = nil
	return p.take()
}

// Passed tells that time has passed and that nobody waits for a file. It
// reports whether there is a stream left that may have to be stopped later.
func (p *Predictor) Passed(now time.Time) (plan Plan, again bool) {
	for _, s := range p.streams {
		if s.window > 0 && now.Sub(s.moved) >= Pause {
			s.stop()
		}
		again = again || s.window > 0
	}
	return p.take(), again
}

// take returns the plan of an event. A file that it drops and fetches it keeps.
func (p *Predictor) take() Plan {
	plan := p.plan
	p.plan = Plan{}
	plan.Drop = slices.DeleteFunc(plan.Drop, p.Expects)
	return plan
}

// list plans those of the next listings that are not known.
func (p *Predictor) list(id veriff.SessionID, o Order, count int) {
	for ok := true; ok && count > 0; count-- {
		if id, ok = p.world.Next(id, o); !ok {
			return
		}
		if _, known := p.world.Listing(id); !known {
			p.plan.List = append(p.plan.List, id)
		}
	}
}
