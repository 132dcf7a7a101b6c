package prefetch

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"veriffs/veriff"
)

// stream is a program that opens one file after the other, or the first file
// of what may become one.
type stream struct {
	p        *Predictor
	at       Spot                    // opened last
	left     Listing                 // of the session before; several programs may still be at work on it
	opened   map[veriff.MediaID]bool // in all sessions so far
	dir      int                     // within a session: +1, -1, or 0 after a single file
	loose    bool                    // the files of a session come in no order
	order    Order                   // of the sessions: by name until another fits
	fits     int                     // sessions in a row that came in it
	evidence int                     // that it is a stream: 2 is enough
	window   int                     // in files; 0 if it is none, or stands still
	ahead    []*fetch                // expected, in order
	cursor   Spot                    // planned last
	skipped  map[Kind]int            // sessions in a row of which it opened no file of a kind
	moved    time.Time
	burst    int // of the predictor when it strayed last
}

// fetch is a file that a stream is expected to open.
type fetch struct {
	Spot
	File
	stream *stream
	passed int // how often others were opened first
}

// follow returns the stream that opens a file, moved there.
func (p *Predictor) follow(now time.Time, f Spot) *stream {
	id := f.file().ID
	if e := p.expected[id]; e != nil {
		e.stream.hit(e)
		return e.stream
	}
	s := p.streams[f.dir()]
	if s != nil && (s.at.file().ID == id || s.window > 0 && s.opened[id]) {
		return s // opened once more
	}
	if s == nil {
		s = p.origin(f)
	}
	dir := s.neighbour(f)
	switch {
	case s != nil && (s.window > 0 || dir != 0 && s == p.last):
		// A stream goes on, or neighbours follow each other, at any pace.
	case s == nil && p.last != nil && p.last.free():
		s = p.last
	default: // from here on only the pace tells a tool from a hand
		if now.Sub(p.strayed) >= Pause {
			p.burst++
		}
		p.stray, p.strayed = id, now
		if s == nil || s.burst != p.burst {
			return p.begin(f)
		}
	}
	s.move(f, dir)
	return s
}

// begin returns a new stream.
func (p *Predictor) begin(f Spot) *stream {
	if len(p.streams) >= streamsMost {
		maps.DeleteFunc(p.streams, func(_ Dir, s *stream) bool { return s.window == 0 })
	}
	s := &stream{p: p, at: f, burst: p.burst, opened: map[veriff.MediaID]bool{f.file().ID: true}, skipped: make(map[Kind]int)}
	p.streams[f.dir()] = s
	return s
}

// origin returns a stream that may come to a file from the session before.
func (p *Predictor) origin(f Spot) *stream {
	if f.dir().isAttempt() {
		return nil
	}
	for _, o := range orders {
		id, ok := p.world.Next(f.dir().Session, Order{o.ByDate, !o.Reverse})
		dir := Dir{Session: id}
		if s := p.streams[dir]; ok && s != nil && s.at.dir() == dir && (!s.sure() || s.order == o) {
			return s
		}
	}
	return nil
}

// neighbour returns the direction in which a file is next to the one opened
// last, or 0.
func (s *stream) neighbour(f Spot) int {
	if s != nil && !s.loose && s.at.dir() == f.dir() {
		if d := f.Index - s.at.Index; d == 1 || d == -1 {
			return d
		}
	}
	return 0
}

// free reports whether a stream may go on to any session: nothing is left of
// the one it is in, and the order is not known.
func (s *stream) free() bool {
	return s.window > 0 && !s.sure() && s.alike(false) == 0 && !s.at.dir().isAttempt()
}

// alike returns how many of the files that are expected are guesses, or are none.
func (s *stream) alike(guess bool) (n int) {
	if s.sure() {
		return len(s.ahead)
	}
	for _, e := range s.ahead {
		if s.guessed(e.Spot) == guess {
			n++
		}
	}
	return n
}

func (s *stream) wants(f File) bool { return s.skipped[f.Kind] < 2 }

// sure reports whether the order of the sessions is known. Once is chance.
func (s *stream) sure() bool { return s.fits >= 2 }

// guessed reports whether a file is expected only if the order is right.
func (s *stream) guessed(f Spot) bool { return !s.sure() && f.dir() != s.at.dir() }

// hit moves a stream to a file that was expected.
func (s *stream) hit(e *fetch) {
	n := slices.Index(s.ahead, e)
	s.ahead = slices.Delete(s.ahead, n, n+1)
	s.p.forget(e)
	s.pass(n)
	s.confirm(1)
	s.open(e.Spot)
}

// move moves a stream to a file that was not expected; in a direction, if it is
// a neighbour.
func (s *stream) move(f Spot, dir int) {
	if dir != 0 && dir != s.dir {
		s.stop()
		s.dir, s.order, s.fits = dir, Order{Reverse: dir < 0}, 0
	}
	s.dir = cmp.Or(s.dir, 1)
	s.pass(len(s.ahead))
	same := s.at.dir() == f.dir()
	again := same && (s.window == 0 || dir == 0 && !s.loose)
	s.loose = s.loose || same && dir == 0
	s.open(f)
	if again {
		s.rewind()
	}
	s.burst = s.p.burst
	s.confirm(1 + dir*dir)
}

// isAt reports whether a stream is in a session, or was before.
func (s *stream) isAt(d Dir) bool { return d == s.at.dir() || s.left != nil && d == s.left.Dir() }

// open notes that a file is opened, which takes the stream to its session.
func (s *stream) open(f Spot) {
	s.opened[f.file().ID] = true
	delete(s.skipped, f.file().Kind)
	if f.dir() == s.at.dir() {
		s.at = f
	} else if !s.isAt(f.dir()) {
		s.cross(f)
	}
}

// confirm widens the window of a stream that goes on as expected.
func (s *stream) confirm(weight int) {
	first := 2
	if s.loose {
		first = 8 // all others of the session are likely
	}
	if s.evidence += weight; s.evidence >= 2 {
		s.window = min(max(2*s.window, first), filesMost)
	}
}

// cross moves a stream to a file of another session. What it left unopened of
// two sessions in a row it will leave in the next.
func (s *stream) cross(f Spot) {
	s.learn(f.dir().Session)
	kinds := make(map[Kind]bool)
	for i := range s.at.Listing.Len() {
		file := s.at.Listing.File(i)
		kinds[file.Kind] = kinds[file.Kind] || s.opened[file.ID]
	}
	for k, some := range kinds {
		if !some {
			s.skipped[k]++
		}
	}
	if len(s.opened) > openedMost {
		clear(s.opened)
	}
	if s.left != nil && s.p.streams[s.left.Dir()] == s {
		delete(s.p.streams, s.left.Dir())
	}
	if other := s.p.streams[f.dir()]; other != nil {
		other.stop()
	}
	s.left, s.at = s.at.Listing, f
	s.p.streams[f.dir()] = s
	if s.loose { // the sessions tell the direction
		s.dir = s.order.step()
	}
	if !s.sure() {
		s.rewind()
	}
}

// learn notes how a stream goes to another session. Once its order is known, some
// sessions may be passed over.
func (s *stream) learn(to veriff.SessionID) {
	leads := func(o Order) bool {
		id, ok := s.p.world.Next(s.at.dir().Session, o)
		return ok && id == to
	}
	switch n := slices.IndexFunc(orders[:], leads); {
	case leads(s.order):
		s.fits++
	case s.sure():
	case n >= 0:
		s.order, s.fits = orders[n], 1
		s.discard(func(e *fetch) bool { return !s.isAt(e.dir()) }) // guesses by the other order
	default:
		s.fits = 0
	}
}
