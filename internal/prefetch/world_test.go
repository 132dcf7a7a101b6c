package prefetch_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"veriffs/internal/prefetch"
	"veriffs/veriff"
)

// world is a collection of sessions a, b, c … with files a0, a1, a2 … of one
// byte each, somebody who goes through it, and what was planned for that.
type world struct {
	*prefetch.Predictor
	sessions []*listing
	byDate   []int // numbers of sessions, the newest first
	now      time.Time

	known, listed   map[int]bool // sessions
	fetched, opened map[veriff.MediaID]bool
	plans           []string // that were not empty, each after the event that it came of
	sum             sum
}

// sum is what came of a walk.
type sum struct {
	Opened, Waited int // files, and those that had not been fetched ahead
	Asked          int // sessions that had not been listed ahead when they were entered
	Unread         int // files fetched and not opened
	Most           int // files fetched and not opened at any one time
}

type listing struct {
	dir   prefetch.Dir
	files []prefetch.File
}

func (l *listing) Dir() prefetch.Dir        { return l.dir }
func (l *listing) Len() int                 { return len(l.files) }
func (l *listing) File(i int) prefetch.File { return l.files[i] }

// kinds are those of the files of a session, in the order of their names.
var kinds = [...]string{"face", "back", "video", "front", "face-pre", "nfc", "front-pre", "back-pre", "proof"}

const unlimited = 1 << 20 // bytes

func newWorld(sessions, files, budget int) *world {
	w := &world{
		known: make(map[int]bool), listed: make(map[int]bool), now: time.Unix(0, 0),
		fetched: make(map[veriff.MediaID]bool), opened: make(map[veriff.MediaID]bool),
	}
	for i := range sessions {
		w.known[i] = true
		w.byDate = append(w.byDate, i*3%sessions) // an order of its own, unless 3 divides sessions
		l := &listing{dir: prefetch.Dir{Session: veriff.SessionID{byte(i)}}}
		for k := range files {
			l.files = append(l.files, prefetch.File{
				ID: veriff.MediaID{byte(i), byte(k)}, Size: 1, Kind: kinds[k%len(kinds)],
			})
		}
		w.sessions = append(w.sessions, l)
	}
	w.Predictor = prefetch.New(w, int64(budget))
	return w
}

func (w *world) Next(id veriff.SessionID, o prefetch.Order) (veriff.SessionID, bool) {
	n, step := int(id[0]), 1
	if o.Reverse {
		step = -1
	}
	if o.ByDate {
		n = slices.Index(w.byDate, n)
	}
	if n += step; n < 0 || n >= len(w.sessions) {
		return id, false
	}
	if o.ByDate {
		n = w.byDate[n]
	}
	next := w.sessions[n]
	if w.known[n] && next.Len() == 0 {
		return w.Next(next.dir.Session, o)
	}
	return next.dir.Session, true
}

func (w *world) Listing(id veriff.SessionID) (prefetch.Listing, bool) {
	return w.sessions[id[0]], w.known[int(id[0])]
}

// pass lets time pass, in which nobody waits for anything.
func (w *world) pass(d time.Duration) {
	const tick = 50 * time.Millisecond
	for ; d > 0; d -= tick {
		w.now = w.now.Add(tick)
		plan, _ := w.Passed(w.now)
		w.carryOut("pause", plan)
	}
}

// open opens a file a moment after whatever was before.
func (w *world) open(session, file int) {
	w.pass(50 * time.Millisecond)
	l := w.sessions[session]
	id := l.files[file].ID
	w.sum.Opened++
	if !w.fetched[id] {
		w.sum.Waited++
	}
	w.fetched[id], w.opened[id] = true, true
	w.carryOut(name(id), w.Opened(w.now, prefetch.Spot{Listing: l, Index: file}))
}

// enter enters a session, which lists it.
func (w *world) enter(session int) {
	w.pass(50 * time.Millisecond)
	if !w.known[session] {
		w.sum.Asked++
	}
	w.carryOut("ls "+string(rune('a'+session)), w.Entered(w.sessions[session].dir.Session))
	w.known[session] = true
}

// carryOut does what is planned, at once.
func (w *world) carryOut(event string, plan prefetch.Plan) {
	var text strings.Builder
	for _, id := range plan.Drop {
		fmt.Fprintf(&text, " -%s", name(id))
		if w.Expects(id) {
			panic("a file is dropped and expected")
		}
	}
	for _, s := range plan.Fetch {
		id := s.Listing.File(s.Index).ID
		fmt.Fprintf(&text, " +%s", name(id))
		w.fetched[id] = true
		if !w.Expects(id) {
			panic("a file is fetched and not expected")
		}
	}
	for _, id := range plan.List {
		fmt.Fprintf(&text, " ls %c", 'a'+id[0])
		w.known[int(id[0])] = true
	}
	if text.Len() > 0 {
		w.plans = append(w.plans, event+":"+text.String())
	}
	w.sum.Unread = len(w.fetched) - len(w.opened)
	w.sum.Most = max(w.sum.Most, w.sum.Unread)
	if len(plan.List) > 0 {
		w.carryOut("arrived", w.Arrived())
	}
}

func name(id veriff.MediaID) string { return fmt.Sprintf("%c%d", 'a'+id[0], id[1]) }

// play plays a trace: a0 opens a file, a0! one that takes its time to come, @a
// enters a session, . is a person's pause, ?a makes the list of a session
// unknown.
func (w *world) play(trace string) {
	for _, event := range strings.Fields(trace) {
		switch session := int(event[len(event)-1] - 'a'); {
		case event == ".":
			w.pass(1150 * time.Millisecond)
		case event[0] == '@':
			w.enter(session)
		case event[0] == '?':
			delete(w.known, session)
		default:
			session, file := int(event[0]-'a'), int(event[1]-'0')
			w.open(session, file)
			if strings.HasSuffix(event, "!") {
				w.now = w.now.Add(3 * time.Second)
				w.Delivered(w.now, prefetch.Spot{Listing: w.sessions[session], Index: file})
			}
		}
	}
}
