package prefetch

import "slices"

// extend fills the window of a stream. The files of other sessions are guesses
// while their order is not known, and have a window of their own.
func (s *stream) extend() {
	if s.window == 0 {
		return
	}
	guess := s.guessed(s.cursor)
	alike := s.alike(guess)
	for turned := 0; turned < sessionsAside && alike < s.window && s.p.bytes < s.p.budget; {
		if s.scan() {
			e := &fetch{Spot: s.cursor, File: s.cursor.file(), stream: s}
			s.ahead = append(s.ahead, e)
			s.p.expected[e.ID] = e
			s.p.bytes += e.Size
			s.p.plan.Fetch = append(s.p.plan.Fetch, e.Spot)
			alike++
			continue
		}
		if turned++; !s.turn() {
			break
		}
		if now := s.guessed(s.cursor); now != guess {
			guess, alike = now, s.alike(now)
		}
	}
}

// scan moves the cursor to the next wanted file of its listing.
func (s *stream) scan() bool {
	c := &s.cursor
	for c.Index+s.dir >= 0 && c.Index+s.dir < c.Listing.Len() {
		c.Index += s.dir
		if f := c.file(); !s.opened[f.ID] && !s.p.Expects(f.ID) && s.wants(f) {
			return true
		}
	}
	return false
}

// turn moves the cursor to the next session. If its files are not known they
// are listed first, and those of the sessions after it.
func (s *stream) turn() bool {
	if s.at.dir().isAttempt() {
		return false
	}
	from := s.cursor.dir().Session
	if id, ok := s.p.world.Next(from, s.order); ok {
		if list, ok := s.p.world.Listing(id); ok {
			s.cursor = s.before(list)
			return true
		}
		s.p.list(from, s.order, 1+s.window/8)
	}
	return false
}

// before is the place before the first file of a listing.
func (s *stream) before(l Listing) Spot {
	if s.dir < 0 {
		return Spot{l, l.Len()}
	}
	return Spot{l, -1}
}

// rewind makes the planning begin where the stream is.
func (s *stream) rewind() {
	if s.cursor = s.at; s.loose {
		s.cursor = s.before(s.at.Listing)
	}
}

// pass tells the first n of the expected files that another was opened first.
func (s *stream) pass(n int) {
	for _, e := range s.ahead[:n] {
		if !s.guessed(e.Spot) {
			e.passed++
		}
	}
	s.discard(func(e *fetch) bool { return e.passed > passedMost })
}

// stop drops what a stream was expected to open.
func (s *stream) stop() {
	s.discard(func(*fetch) bool { return true })
	s.window, s.evidence = 0, 0
}

// discard drops files that are not expected any more.
func (s *stream) discard(which func(*fetch) bool) {
	s.ahead = slices.DeleteFunc(s.ahead, func(e *fetch) bool {
		drop := which(e)
		if drop {
			s.p.forget(e)
			s.p.plan.Drop = append(s.p.plan.Drop, e.ID)
		}
		return drop
	})
}

func (p *Predictor) forget(e *fetch) {
	delete(p.expected, e.ID)
	p.bytes -= e.Size
}
