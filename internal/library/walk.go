package library

import (
	"cmp"
	"slices"
	"time"
	"unique"
	"veriffs/internal/flight"

	"veriffs/veriff"
)

// overtakenOften is how often other files may be opened before one that was
// expected, until it is expected no longer. Tools that go through a session in
// an order of their own, and several at work on one list, stay below it.
const overtakenOften = 8

// fileWalk is somebody who opens one file after the other.
type fileWalk struct {
	at       spot     // the file opened last
	before   *Listing // of the session that it was in before; nil for none
	dir      int      // within a session: +1, -1, or 0 as long as only one file was opened
	sessions order    // in which it goes from one to the next; the zero order if that is not known
	perhaps  order    // of the sessions: the last step from one to the next fits it
	crossed  bool     // it has gone on to another session
	loose    bool     // the files of a session come in no order that is known
	opened   int      // files so far
	window   window
	ahead    []*step                 // fetched or being fetched, in order, and not opened yet
	bytes    int64                   // of them
	met      map[veriff.MediaID]bool // of the session it is in, and of those ahead: whether it was opened
	passed   map[kind]int            // in how many sessions it has not opened files of a kind, since it did
	moved    time.Time
	rested   bool // it stood still for longer than a tool does
	lull     int  // of readAhead, when it moved
	pause    *time.Timer
}

// kind is what a walk through some files of each session chooses by:
// sessions/*/*.jpg, by-context/*/face.*.
type kind struct{ context, mimetype unique.Handle[string] }

func kindOf(f *File) kind { return kind{f.Context, f.MIMEType} }

// step is a file that a walk is expected to open.
type step struct {
	spot
	size      int64        // bytes to fetch, 0 if it was in the cache
	claim     *flight.Task // nil if there was nothing to start
	overtaken int          // by other files that were opened first
	guess     bool         // of a later session, and their order is not known
}

// spot is a place in the order of all files.
type spot struct {
	list *Listing
	i    int
}

func (s spot) file() *File { return &s.list.Files[s.i] }

func spotOf(f *File) spot {
	i, _ := slices.BinarySearchFunc(f.In.Files, f.ID, func(o File, id veriff.MediaID) int { return o.ID.Compare(id) })
	return spot{f.In, i}
}

func newWalk(f *File) *fileWalk {
	w := &fileWalk{passed: make(map[kind]int)}
	w.begin(f)
	return w
}

// wander makes a walk one that goes through a session in no order, perhaps as
// part of a list that is shuffled over many sessions.
func (w *fileWalk) wander(shuffled bool) {
	w.loose, w.dir = true, cmp.Or(w.dir, 1)
	w.window.grow(windowFiles)
	if shuffled {
		w.window = max(w.window, windowShuffled)
	}
}

// begin makes a file the first one of a walk.
func (w *fileWalk) begin(f *File) {
	clear(w.passed)
	w.before = nil
	w.at, w.dir, w.loose, w.opened = spotOf(f), 0, false, 1
	w.sessions, w.perhaps, w.crossed = order{}, order{}, false
	w.met = map[veriff.MediaID]bool{f.ID: true}
}

// to moves a walk to a file. What it has left unopened of two sessions tells
// what it will leave in the next ones.
func (w *fileWalk) to(s spot) {
	if s.list.Session != w.at.list.Session {
		if w.before == nil || s.list.Session != w.before.Session {
			w.leave(w.at.list)
		}
		w.before = w.at.list
	}
	w.at = s
	w.opened++
	w.met[s.file().ID] = true
	delete(w.passed, kindOf(s.file()))
}

// leave ends the visit of a session. Where several are at work on one list,
// they may still come back to it from the next one.
func (w *fileWalk) leave(left *Listing) {
	opened := make(map[kind]bool) // of each kind that there is
	for i := range left.Files {
		f := &left.Files[i]
		opened[kindOf(f)] = opened[kindOf(f)] || w.met[f.ID]
	}
	for k, yes := range opened {
		if !yes {
			w.passed[k]++
		}
	}
	if w.before != nil {
		for i := range w.before.Files {
			delete(w.met, w.before.Files[i].ID)
		}
	}
}

// wants reports whether a walk opens files of that kind.
func (w *fileWalk) wants(f *File) bool { return w.passed[kindOf(f)] < 2 }

// done reports whether nothing is left to open of the session that it is in.
func (w *fileWalk) done() bool {
	for i := range w.at.list.Files {
		f := &w.at.list.Files[i]
		if !w.met[f.ID] && w.wants(f) {
			return false
		}
	}
	return true
}

// order is the one in which the walk goes on to other sessions: a guess if it
// is not known.
func (w *fileWalk) order() order {
	if !w.knows() {
		return order{byName, w.dir}
	}
	return w.sessions
}

func (w *fileWalk) knows() bool { return w.sessions != order{} }

// end is where what it is expected to open, and not by a guess, ends.
func (w *fileWalk) end() spot {
	for _, s := range slices.Backward(w.ahead) {
		if !s.guess && (w.knows() || s.list == w.at.list) {
			return s.spot
		}
	}
	return w.at
}

// sure is how many of the steps ahead are no guess. They come first.
func (w *fileWalk) sure() int {
	if n := slices.IndexFunc(w.ahead, func(s *step) bool { return s.guess }); n >= 0 {
		return n
	}
	return len(w.ahead)
}

// weigh adds up what is fetched ahead.
func (w *fileWalk) weigh() {
	w.bytes = 0
	for _, s := range w.ahead {
		w.bytes += s.size
	}
}

// stepLocked moves a walk to a file, if the file is one that the walk is
// expected to open, or its neighbour.
func (r *readAhead) stepLocked(w *fileWalk, f *File) bool {
	if w.at.file().ID == f.ID {
		return true // opened once more
	}
	if opened, met := w.met[f.ID]; met && !opened {
		if n := slices.IndexFunc(w.ahead, func(s *step) bool { return s.file().ID == f.ID }); n >= 0 {
			r.hitLocked(w, n)
			return true
		}
	}
	for _, way := range [...]struct {
		dir int
		order
	}{{w.dir, w.order()}, {+1, order{byName, +1}}, {-1, order{byName, -1}}} {
		next, ok := r.nextLocked(w.at, way.dir, way.order, nil)
		if !ok || next.file().ID != f.ID || w.loose && (way.dir != w.dir || way.order != w.order()) {
			continue
		}
		if way.dir != w.dir {
			r.endLocked(w)
			w.sessions, w.crossed = order{}, false
		}
		w.dir = way.dir
		w.window.grow(windowFiles)
		r.moveLocked(w, next)
		return true
	}
	return false
}

// hitLocked moves a walk to a file that it was expected to open.
func (r *readAhead) hitLocked(w *fileWalk, n int) {
	s := w.ahead[n]
	if s.claim != nil {
		r.used.Add(1)
	}
	w.ahead = slices.Delete(w.ahead, n, n+1)
	if r.overtakeLocked(w, n, s.file()) {
		w.window.shrink()
	} else {
		w.window.grow(windowFiles)
	}
	r.moveLocked(w, s.spot)
}

// overtakeLocked tells the first n steps that another file was opened first,
// and reports whether that was once too often for any.
func (r *readAhead) overtakeLocked(w *fileWalk, n int, by *File) (dropped bool) {
	kept := w.ahead[:0]
	for i, s := range w.ahead {
		if i < n && !s.guess {
			s.overtaken++
		}
		if s.overtaken <= overtakenOften {
			kept = append(kept, s)
			continue
		}
		dropped = true
		r.giveUpLocked(s)
		if s.list.Session != by.In.Session {
			delete(w.met, s.file().ID)
		}
		if k := kindOf(s.file()); k != kindOf(by) {
			w.passed[k]++
		}
	}
	clear(w.ahead[len(kept):])
	w.ahead = kept
	return dropped
}

// moveLocked moves a walk to a file, and where that is of another session
// learns the order of the sessions.
func (r *readAhead) moveLocked(w *fileWalk, to spot) {
	if from := w.at.list.Session; from != to.list.Session && !w.knows() {
		guess := w.order()
		o := r.originsLocked(to.list.Session).of(from, w.perhaps, guess)
		// Once is chance, twice is an order; so is what was right from the first.
		if o != (order{}) && (o == w.perhaps || o == guess && !w.crossed && w.window > 0) {
			w.sessions = o
			r.settleLocked(w, o == guess)
		}
		w.perhaps, w.crossed = o, true
	}
	w.to(to)
}

// settleLocked ends the guessing, now that the order of the sessions is known.
func (r *readAhead) settleLocked(w *fileWalk, right bool) {
	kept := w.ahead[:0]
	for _, s := range w.ahead {
		if s.guess && !right {
			r.giveUpLocked(s)
			delete(w.met, s.file().ID) // it may come to it yet
			continue
		}
		s.guess = false
		kept = append(kept, s)
	}
	clear(w.ahead[len(kept):])
	w.ahead = kept
}

// jumpLocked moves a walk to a file of the session that it is in, but not the
// one expected.
func (r *readAhead) jumpLocked(w *fileWalk, f *File) bool {
	if in := w.at.list; in.Session != f.In.Session || in.Attempt != f.In.Attempt {
		return false
	}
	if w.lull != r.lulls { // at the pace of a person
		r.endLocked(w)
		w.begin(f)
		return true
	}
	r.overtakeLocked(w, len(w.ahead), f)
	w.to(spotOf(f))
	if w.opened == windowFirst+1 && !w.crossed {
		r.returns++
	}
	if r.shuffledLocked() || w.opened > windowFirst && !w.rested {
		w.wander(r.shuffledLocked())
	}
	return true
}

// origins are the sessions before one, in each order.
type origins map[order]veriff.SessionID

func (r *readAhead) originsLocked(id veriff.SessionID) origins {
	all := make(origins, len(someOrders))
	for _, o := range someOrders {
		if before, ok := r.nextSessionLocked(id, order{o.by, -o.dir}); ok {
			all[o] = before
		}
	}
	return all
}

// of returns an order in which the other session is the one before, one of
// those preferred if it can be.
func (o origins) of(id veriff.SessionID, preferred ...order) order {
	for _, some := range append(preferred, someOrders[:]...) {
		if before, ok := o[some]; ok && before == id {
			return some
		}
	}
	return order{}
}

// leapLocked moves a walk, at the pace of a tool, to a file of another session:
// the next one in some order, or, after all of a session, any.
func (r *readAhead) leapLocked(w *fileWalk, f *File, origins origins) bool {
	from := w.at.list
	switch {
	case w.rested || from.OfAttempt:
		return false
	case w.knows():
		if origins[w.sessions] != from.Session {
			return false // somebody else
		}
	case w != r.files[0]:
		return false
	case origins.of(from.Session) == order{} && (w.window == 0 || !w.done()):
		return false
	}
	r.overtakeLocked(w, len(w.ahead), f)
	w.dir = cmp.Or(w.dir, 1)
	r.moveLocked(w, spotOf(f))
	if w.knows() {
		w.window.grow(windowFiles)
	}
	return true
}
