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

	// The listings of the next sessions up to known were there when they were last looked at.
	known veriff.SessionID
	ahead int // how many these are
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
		if last := p.listers[n]; last.order == o {
			l.window, l.known, l.ahead = last.window, last.known, last.ahead-1
		}
		l.order, l.window = o, min(max(2*l.window, 2), sessionsMost)
		p.listers = slices.Delete(p.listers, n, n+1)
		p.listFor(&l)
		break
	}
	p.listers = slices.Insert(p.listers, 0, l)
	p.listers = p.listers[:min(len(p.listers), listersMost)]
	return p.take()
}

// listFor plans those of a lister's next listings that are not known. Those that are
// known it looks at once: in a second pass over everything that is all of them.
func (p *Predictor) listFor(l *lister) {
	if l.ahead <= 0 {
		l.known, l.ahead = l.at, 0
	}
	id, all := l.known, true
	for n := l.ahead + 1; n <= l.window; n++ {
		next, ok := p.world.Next(id, l.order)
		if !ok {
			return
		}
		id = next
		_, known := p.world.Listing(id)
		if all = all && known; all {
			l.known, l.ahead = id, n
		}
		if !known {
			p.plan.List = append(p.plan.List, id)
		}
	}
}
