package prefetch

import (
	"slices"

	"veriffs/veriff"
)

// lister is a program that enters one session after the other by name, as find
// does. By date it would know their lists.
type lister struct {
	at     veriff.SessionID
	order  Order
	window int // in sessions
}

// Entered tells of a session that is being entered.
func (p *Predictor) Entered(id veriff.SessionID) Plan {
	if list, known := p.world.Listing(id); known && list.Len() == 0 {
		return Plan{} // it is in no order
	}
	if slices.ContainsFunc(p.listers, func(l lister) bool { return l.at == id }) {
		return Plan{}
	}
	l := lister{at: id}
	for _, o := range orders[:2] {
		n := slices.IndexFunc(p.listers, func(l lister) bool {
			next, ok := p.world.Next(l.at, o)
			return ok && next == id
		})
		if n < 0 {
			continue
		}
		if p.listers[n].order == o {
			l.window = p.listers[n].window
		}
		l.order, l.window = o, min(max(2*l.window, 2), sessionsMost)
		p.listers = slices.Delete(p.listers, n, n+1)
		p.list(id, o, l.window)
		break
	}
	p.listers = slices.Insert(p.listers, 0, l)
	p.listers = p.listers[:min(len(p.listers), listersMost)]
	return p.take()
}
