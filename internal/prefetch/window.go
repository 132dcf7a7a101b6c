package prefetch

import "slices"

// extend fills the window of a stream. The files of other sessions are guesses
// while their order is not known: they have a window of their own, half of the
// budget, and stay behind if other streams are at work.
func (s *stream) extend() {
	if s.window == 0 {
		return
	}
	here := 0
	if !s.sure() {
		here = s.here()
	}
	for turned := 0; turned < sessionsAside; {
		n, budget := len(s.ahead), s.p.budget
		switch guess := s.guessed(s.cursor); {
		case guess:
			n, budget = n-here, budget/2
		case !s.sure():
			n = here
		}
		if n >= s.window || s.p.bytes >= budget {
			break
		}
		if s.scan() {
			e := &fetch{Spot: s.cursor, File: s.cursor.file(), stream: s}
			s.ahead = append(s.ahead, e)
			s.p.expected[e.ID] = e
			s.p.bytes += e.Size
			s.p.plan.Fetch = append(s.p.plan.Fetch, e.Spot)
			if !s.sure() && !s.guessed(e.Spot) {
				here++
			}
		} else if turned++; !s.turn() {
			break
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
	if s.at.dir().isAttempt() || !s.sure() && !s.steady {
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

// pass tells the first n of the expected files that another was opened first,
// and returns how many of them are still expected.
func (s *stream) pass(n int, by File) int {
	for _, e := range s.ahead[:n] {
		if !s.guessed(e.Spot) {
			e.passed++
		}
	}
	return n - s.discard(func(e *fetch) bool {
		late := e.passed > passedMost
		if late && e.Kind != by.Kind {
			s.skipped[e.Kind]++
		}
		return late
	})
}

// stop drops what a stream was expected to open.
func (s *stream) stop() {
	s.discard(func(*fetch) bool { return true })
	s.window, s.evidence = 0, 0
}

// discard drops files that are not expected any more, and counts them.
func (s *stream) discard(which func(*fetch) bool) int {
	n := len(s.ahead)
	s.ahead = slices.DeleteFunc(s.ahead, func(e *fetch) bool {
		drop := which(e)
		if drop {
			s.p.forget(e)
			s.p.plan.Drop = append(s.p.plan.Drop, e.ID)
		}
		return drop
	})
	return n - len(s.ahead)
}

func (p *Predictor) forget(e *fetch) {
	delete(p.expected, e.ID)
	p.bytes -= e.Size
}
