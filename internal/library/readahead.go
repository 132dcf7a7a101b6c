package library

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/veriff"
)

// Reading ahead. A walk (cp -r, rsync, grep -r, tar) shows itself by opening
// neighbours: files of a session in order, then those of the next session;
// or sessions one after the other, as find does. From its second step on the
// library runs ahead of it, by a window that doubles while what was fetched is
// being used and halves when it is passed over. One file opened by hand is no
// walk and fetches nothing more.
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
	// windowBytes bounds what is fetched ahead of one walk and not yet read.
	windowBytes = 64 << 20
	// guessedSize stands for a size that the list does not give.
	guessedSize = 1 << 20
	// walksAtOnce is how many walks are told apart; the one that has not
	// moved for longest makes room.
	walksAtOnce = 8
	// walkPause is how long a walk may stand still, with nobody waiting for
	// anything, before what was not started for it is given up.
	walkPause = time.Second
)

// readAhead follows walks and runs ahead of them.
type readAhead struct {
	lib *Library
	off bool

	used, wasted atomic.Int64 // files fetched ahead and opened, or passed over

	mu    sync.Mutex
	files []*fileWalk // the one that moved last comes first
	lists []*listWalk
}

// window is how many steps a walk is run ahead of.
type window int

func (w *window) grow(most window) { *w = min(max(2**w, windowFirst), most) }
func (w *window) shrink()          { *w /= 2 }

// fileWalk is somebody who opens one file after the other.
type fileWalk struct {
	at     spot // the file opened last
	dir    int  // +1, -1, or 0 as long as only one file was opened
	window window
	ahead  []*step // fetched or being fetched, in order, and not opened yet
	bytes  int64   // of them
	moved  time.Time
	pause  *time.Timer
}

// step is a file that a walk is expected to open.
type step struct {
	spot
	size  int64  // bytes to fetch, 0 if it was in the cache
	claim *claim // nil if there was nothing to start
}

// spot is a place in the order of all files.
type spot struct {
	list *Listing
	i    int
}

func (s spot) file() *File { return &s.list.Files[s.i] }

// opened tells of a file that somebody opens.
func (r *readAhead) opened(f *File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return
	}
	w := r.followLocked(f)
	w.moved = r.lib.now()
	if w.window > 0 {
		r.topUpLocked(w)
	}
	w.pause.Reset(walkPause)
}

// followLocked returns the walk that the opening of a file belongs to, moved
// to that file.
func (r *readAhead) followLocked(f *File) *fileWalk {
	for n, w := range r.files {
		if !r.stepLocked(w, f) {
			continue
		}
		copy(r.files[1:n+1], r.files[:n])
		r.files[0] = w
		return w
	}
	i, _ := slices.BinarySearchFunc(f.In.Files, f.ID, func(o File, id veriff.MediaID) int { return o.ID.Compare(id) })
	w := &fileWalk{at: spot{f.In, i}}
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

// stepLocked moves a walk to a file, if the file is one that the walk is
// expected to open, or its neighbour.
func (r *readAhead) stepLocked(w *fileWalk, f *File) bool {
	if w.at.file().ID == f.ID {
		return true // opened once more
	}
	for n, s := range w.ahead {
		if s.file().ID != f.ID {
			continue
		}
		for _, passed := range w.ahead[:n+1] {
			w.bytes -= passed.size
			if passed != s && passed.claim != nil {
				r.wasted.Add(1)
				r.lib.lanes.giveUp(passed.claim)
			}
		}
		if s.claim != nil {
			r.used.Add(1)
		}
		w.at, w.ahead = s.spot, slices.Delete(w.ahead, 0, n+1)
		if n == 0 {
			w.window.grow(windowFiles)
		} else {
			w.window.shrink()
		}
		return true
	}
	for _, dir := range [...]int{+1, -1} {
		next, ok := r.nextLocked(w.at, dir)
		if !ok || next.file().ID != f.ID {
			continue
		}
		if dir != w.dir {
			r.endLocked(w)
		}
		w.at, w.dir = next, dir
		w.window.grow(windowFiles)
		return true
	}
	return false
}

// topUpLocked fetches ahead what is missing in a walk's window. Where the
// listing of the next session is not known it is fetched first, and those of
// the sessions after it beside it; its arrival calls again.
func (r *readAhead) topUpLocked(w *fileWalk) {
	end := w.at
	if n := len(w.ahead); n > 0 {
		end = w.ahead[n-1].spot
	}
	_, room := r.lib.Room()
	most := min(windowBytes, room/4)
	for len(w.ahead) < int(w.window) && w.bytes < most {
		next, ok := r.nextLocked(end, w.dir)
		if !ok {
			r.listAfterLocked(w, end)
			return
		}
		f, s := next.file(), &step{spot: next}
		if !r.lib.cache.Has(mediaKey(f.ID)) {
			if s.size = r.lib.Size(f); s.size == UnknownSize {
				s.size = guessedSize
			}
			s.claim = r.lib.fetches.ahead(f.ID, func(c *claim) (*object, error) { return r.lib.obtain(c, f) })
		}
		w.ahead = append(w.ahead, s)
		w.bytes += s.size
		end = next
	}
	// The listings that come after the window, so that the walk does not wait
	// for one and then for its files.
	r.listAfterLocked(w, end)
}

// listAfterLocked fetches the listings that a walk will come to after a spot.
// One through the files of an attempt is not followed to the next attempt.
func (r *readAhead) listAfterLocked(w *fileWalk, end spot) {
	if !end.list.OfAttempt {
		r.listAheadLocked(end.list.Session, w.dir, 1+int(w.window)/8)
	}
}

// nextLocked returns the file after or before a spot, as far as listings are
// in memory. Sessions without files are passed over.
func (r *readAhead) nextLocked(at spot, dir int) (spot, bool) {
	if i := at.i + dir; i >= 0 && i < len(at.list.Files) {
		return spot{at.list, i}, true
	}
	if at.list.OfAttempt {
		return spot{}, false
	}
	ids, _ := r.lib.sessions.all()
	n, found := slices.BinarySearchFunc(ids, at.list.Session, veriff.SessionID.Compare)
	if !found && dir > 0 {
		n--
	}
	for n += dir; n >= 0 && n < len(ids); n += dir {
		list, ok := r.lib.listings.peek(ids[n])
		if !ok {
			return spot{}, false
		}
		switch {
		case len(list.Files) == 0:
		case dir > 0:
			return spot{list, 0}, true
		default:
			return spot{list, len(list.Files) - 1}, true
		}
	}
	return spot{}, false
}

// listAheadLocked fetches those of the next listings that are not known.
func (r *readAhead) listAheadLocked(after veriff.SessionID, dir, count int) {
	ids, _ := r.lib.sessions.all()
	n, found := slices.BinarySearchFunc(ids, after, veriff.SessionID.Compare)
	if !found && dir > 0 {
		n--
	}
	for n += dir; count > 0 && n >= 0 && n < len(ids); n += dir {
		id := ids[n]
		count--
		r.lib.listings.ahead(id, r.listed)
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
	if r.lib.lanes.busy() {
		w.pause.Reset(walkPause) // it may be waiting for us
		return
	}
	r.endLocked(w)
}

// endLocked gives up what was fetched ahead of a walk and nobody waits for.
func (r *readAhead) endLocked(w *fileWalk) {
	for _, s := range w.ahead {
		if s.claim != nil {
			r.wasted.Add(1)
			r.lib.lanes.giveUp(s.claim)
		}
	}
	w.ahead, w.bytes, w.window = nil, 0, 0
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
	dir    int
	window window
}

// entered tells of a session that somebody enters.
func (r *readAhead) entered(id veriff.SessionID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return
	}
	ids, _ := r.lib.sessions.all()
	n, _ := slices.BinarySearchFunc(ids, id, veriff.SessionID.Compare)
	for k, w := range r.lists {
		if w.at == id {
			return
		}
		dir := 0
		switch {
		case n > 0 && ids[n-1] == w.at:
			dir = +1
		case n+1 < len(ids) && ids[n+1] == w.at:
			dir = -1
		default:
			continue
		}
		if dir != w.dir {
			w.window = 0
		}
		w.at, w.dir = id, dir
		w.window.grow(windowSessions)
		copy(r.lists[1:k+1], r.lists[:k])
		r.lists[0] = w
		r.listAheadLocked(id, dir, int(w.window))
		return
	}
	if len(r.lists) == walksAtOnce {
		r.lists = r.lists[:walksAtOnce-1]
	}
	r.lists = slices.Insert(r.lists, 0, &listWalk{at: id})
}
