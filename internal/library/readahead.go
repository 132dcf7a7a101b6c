package library

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/internal/flight"
	"veriffs/veriff"
)

// Reading ahead. A walk (cp -r, rsync, grep -r, tar) shows itself by opening
// neighbours: files of a session in order, then those of the next session; or
// sessions one after the other, as find does. Other orders show themselves too:
// the sessions by date (ls -t), the files of a session shuffled or by names for
// people, one kind of file alone. From its second or third step on the library
// runs ahead of a walk, by a window that doubles while what was fetched is being
// used and halves when it is passed over. One file opened by hand is no walk and
// fetches nothing more; nor do several, opened at a person's pace.
const (
	// windowFirst is the window, in steps, of a walk that has just shown
	// itself.
	windowFirst = 2
	// windowFiles bounds the window in files. It has to keep every connection
	// busy while the walker waits for the slowest: 8 × 16 was measured to be
	// enough at 50 ms, more only adds to what a walk leaves unread.
	windowFiles = 128
	// windowSessions bounds the window of listings.
	windowSessions = 64
	// windowBytes bounds what is fetched ahead of all walks and not yet read.
	windowBytes = 64 << 20
	// guessedSize stands for a size that the list does not give.
	guessedSize = 1 << 20
	// walksAtOnce is how many walks are told apart; the one that has not moved
	// for longest makes room. A shuffled list is one walk in each session.
	walksAtOnce     = 128
	listWalksAtOnce = 8
	// walkPause is how long a walk may stand still, with nobody waiting for
	// anything, before what was not started for it is given up. What comes
	// within it was opened by a tool and not by hand.
	walkPause = time.Second
	// returnsShuffled is how many sessions somebody has to come back to, and
	// again, until it is taken for a shuffled list: then the first file of a
	// session is enough to expect the others, windowShuffled of them.
	returnsShuffled = 4
	windowShuffled  = 8
	// sessionsAside bounds the sessions that are looked through at once for the
	// next file that a walk wants.
	sessionsAside = 256
)

// readAhead follows walks and runs ahead of them.
type readAhead struct {
	lib *Library
	off bool

	used, wasted atomic.Int64 // files fetched ahead and opened, or passed over

	mu       sync.Mutex
	files    []*fileWalk // the one that moved last comes first
	lists    []*listWalk
	sequence sequence
	lulls    int // times that all stood still
	returns  int // sessions to which somebody came back, and again, since the last of them
}

// window is how many steps a walk is run ahead of.
type window int

func (w *window) grow(most window) { *w = min(max(2**w, windowFirst), most) }
func (w *window) shrink()          { *w /= 2 }

// opened tells of a file that somebody opens.
func (r *readAhead) opened(f *File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return
	}
	w := r.followLocked(f)
	w.moved, w.rested, w.lull = r.lib.now(), false, r.lulls
	w.weigh()
	if w.window > 0 {
		r.topUpLocked(w)
	}
	w.pause.Reset(walkPause)
}

// shuffledLocked reports whether somebody goes through a shuffled list.
func (r *readAhead) shuffledLocked() bool { return r.returns >= returnsShuffled }

// followLocked returns the walk that the opening of a file belongs to, moved
// to that file.
func (r *readAhead) followLocked(f *File) *fileWalk {
	n := slices.IndexFunc(r.files, func(w *fileWalk) bool { return r.stepLocked(w, f) })
	if n < 0 {
		n = slices.IndexFunc(r.files, func(w *fileWalk) bool { return r.jumpLocked(w, f) })
	}
	if n < 0 && !f.In.OfAttempt {
		origins := r.originsLocked(f.In.Session)
		n = slices.IndexFunc(r.files, func(w *fileWalk) bool { return r.leapLocked(w, f, origins) })
	}
	if n >= 0 {
		w := r.files[n]
		copy(r.files[1:n+1], r.files[:n])
		r.files[0] = w
		return w
	}
	w := newWalk(f)
	if r.shuffledLocked() {
		w.wander(true)
	}
	w.pause = time.AfterFunc(walkPause, func() { r.rest(w) })
	if len(r.files) == walksAtOnce {
		last := r.files[walksAtOnce-1]
		last.pause.Stop()
		r.endLocked(last)
		r.files = r.files[:walksAtOnce-1]
	}
	r.files = slices.Insert(r.files, 0, w)
	return w
}

// topUpLocked fetches ahead what is missing in a walk's window. Where the
// listing of the next session is not known it is fetched first, and those of
// the sessions after it beside it; its arrival calls again.
func (r *readAhead) topUpLocked(w *fileWalk) {
	var bytes int64
	for _, o := range r.files {
		bytes += o.bytes
	}
	_, room := r.lib.Room()
	most := min(windowBytes, room/4)
	for sure := w.sure(); ; {
		next, guess, ok := r.comingLocked(w)
		if !ok || guess && (len(w.ahead) >= int(w.window) || bytes >= most/2) || sure >= int(w.window) || bytes >= most {
			break
		}
		f, s := next.file(), &step{spot: next, guess: guess}
		if !r.lib.cache.Has(mediaKey(f.ID)) {
			if s.size = r.lib.Size(f); s.size == UnknownSize {
				s.size = guessedSize
			}
			s.claim = r.lib.fetches.Speculate(f.ID, func(t *flight.Task) (*object, error) { return r.lib.obtain(t, f) })
		}
		if guess {
			w.ahead = append(w.ahead, s)
		} else {
			w.ahead = slices.Insert(w.ahead, sure, s)
			sure++
		}
		w.met[f.ID] = false
		w.bytes += s.size
		bytes += s.size
	}
	// The listings that come after the window, so that the walk does not wait
	// for one and then for its files. One through the files of an attempt is not
	// followed to the next attempt.
	end := w.at.list
	if n := len(w.ahead); n > 0 {
		end = w.ahead[n-1].list
	}
	if !end.OfAttempt {
		r.listAheadLocked(end.Session, w.order(), 1+int(w.window)/8)
	}
}

// comingLocked returns the file that a walk is expected to open after those
// that it was expected to before, and whether that is a guess.
func (r *readAhead) comingLocked(w *fileWalk) (next spot, guess, ok bool) {
	end := w.end()
	wanted := func(f *File) bool {
		_, met := w.met[f.ID]
		return !met && w.wants(f)
	}
	if w.loose && end.list == w.at.list {
		for i := range end.list.Files {
			if wanted(&end.list.Files[i]) {
				return spot{end.list, i}, false, true
			}
		}
		end.i = len(end.list.Files) - 1 // none is left: on to the next session
	}
	next, ok = r.nextLocked(end, w.dir, w.order(), wanted)
	return next, !w.knows() && next.list != w.at.list, ok
}

// nextLocked returns the next file that is wanted, or any with nil, after a
// spot, as far as listings are in memory. Without a direction there is none.
func (r *readAhead) nextLocked(at spot, dir int, o order, wanted func(*File) bool) (spot, bool) {
	if dir == 0 {
		return spot{}, false
	}
	list, i := at.list, at.i
	for range sessionsAside {
		for i += dir; i >= 0 && i < len(list.Files); i += dir {
			if wanted == nil || wanted(&list.Files[i]) {
				return spot{list, i}, true
			}
		}
		if list.OfAttempt {
			return spot{}, false
		}
		id, ok := r.nextSessionLocked(list.Session, o)
		if !ok {
			return spot{}, false
		}
		if list, ok = r.lib.listings.peek(id); !ok {
			return spot{}, false
		}
		if i = -1; dir < 0 {
			i = len(list.Files)
		}
	}
	return spot{}, false
}

// nextSessionLocked returns the session after another. Those that are known to
// have no files are passed over.
func (r *readAhead) nextSessionLocked(id veriff.SessionID, o order) (veriff.SessionID, bool) {
	for range sessionsAside {
		next, ok := r.sequence.after(id, o)
		if !ok {
			return id, false
		}
		if list, known := r.lib.listings.peek(next); !known || len(list.Files) > 0 {
			return next, true
		}
		id = next
	}
	return id, false
}

// listAheadLocked fetches those of the next listings that are not known.
func (r *readAhead) listAheadLocked(after veriff.SessionID, o order, count int) {
	for ; count > 0; count-- {
		next, ok := r.sequence.after(after, o)
		if !ok {
			return
		}
		r.lib.listings.ahead(next, r.listed)
		after = next
	}
}

// listed goes on with the walks that may have waited for a listing.
func (r *readAhead) listed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.files {
		if w.window > 0 && len(w.ahead) < int(w.window) && r.lib.now().Sub(w.moved) < walkPause {
			r.topUpLocked(w)
		}
	}
}

// rest is called when a walk has stood still for a while.
func (r *readAhead) rest(w *fileWalk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.files) > 0 && w == r.files[0]
	if r.lib.lanes.Busy() || r.shuffledLocked() && !last {
		w.pause.Reset(walkPause) // it may be waiting for us, or be part of a shuffled list
		return
	}
	r.endLocked(w)
	w.rested = true
	if last {
		r.lulls++
		r.returns = 0
	}
}

// endLocked ends the reading ahead of a walk.
func (r *readAhead) endLocked(w *fileWalk) {
	r.dropLocked(w)
	w.window = 0
}

// dropLocked gives up what was fetched ahead of a walk.
func (r *readAhead) dropLocked(w *fileWalk) {
	for _, s := range w.ahead {
		r.giveUpLocked(s)
		delete(w.met, s.file().ID) // it may come to it yet
	}
	w.ahead, w.bytes = nil, 0
}

// giveUpLocked ends the fetching of a file that will not be opened, unless
// somebody waits for it.
func (r *readAhead) giveUpLocked(s *step) {
	if s.claim != nil {
		r.wasted.Add(1)
		r.lib.lanes.GiveUp(s.claim)
	}
}

// stop ends every walk.
func (r *readAhead) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off = true
	for _, w := range r.files {
		w.pause.Stop()
		r.endLocked(w)
	}
	r.files, r.lists = nil, nil
}

// listWalk is somebody who enters one session after the other.
type listWalk struct {
	at     veriff.SessionID
	order  order
	window window
	moved  time.Time
}

// entered tells of a session that somebody enters.
func (r *readAhead) entered(id veriff.SessionID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return
	}
	now := r.lib.now()
	for k, w := range r.lists {
		if w.at == id {
			return
		}
		o, ok := r.goesToLocked(w, id, now)
		if !ok {
			continue
		}
		if o != w.order {
			w.window = 0
		}
		w.at, w.order, w.moved = id, o, now
		w.window.grow(windowSessions)
		copy(r.lists[1:k+1], r.lists[:k])
		r.lists[0] = w
		r.listAheadLocked(id, o, int(w.window))
		return
	}
	if len(r.lists) == listWalksAtOnce {
		r.lists = r.lists[:listWalksAtOnce-1]
	}
	r.lists = slices.Insert(r.lists, 0, &listWalk{at: id, moved: now})
}

// goesToLocked returns the order in which a session comes after the one that
// a walk is at.
func (r *readAhead) goesToLocked(w *listWalk, id veriff.SessionID, now time.Time) (order, bool) {
	for _, o := range someOrders {
		if o.by == byDate && now.Sub(w.moved) > walkPause {
			break // nobody in a hurry
		}
		if next, ok := r.sequence.after(w.at, o); ok && next == id {
			return o, true
		}
	}
	return order{}, false
}
