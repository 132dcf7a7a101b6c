package accesslog

import (
	"encoding/json"
	"slices"
	"time"
)

// Erasable reports whether a record may be erased on request. Those that tell how the
// log itself came to be, and what is missing from it, stay: they are about no person.
func (r *Record) Erasable() bool {
	switch r.Operation {
	case OpMount, OpUnmount, OpUnclean, OpHeartbeat, OpLogGap, OpLogRotate, OpLogErase, OpLogRetire:
		return false
	}
	return true
}

// Erasure is what erasing a session takes.
type Erasure struct {
	Session     string
	Records     int        // that go
	Sequences   [][2]int64 // of them, ranges, first and last
	First, Last time.Time  // of them
	Kept        int        // that name the session and stay, because they are not Erasable

	about bool       // some of them are about the session, and do not only name it
	begun [][2]int64 // what earlier erasures were to take, of any session
}

// Begun notes what a log-erase record says.
func (e *Erasure) Begun(r *Record) { e.begun = append(e.begun, ErasedSequences(r)...) }

// Add counts a record that names the session, and reports whether it goes.
func (e *Erasure) Add(r *Record) bool {
	if !r.Erasable() {
		e.Kept++
		return false
	}
	if e.Records++; e.First.IsZero() {
		e.First = r.Time
	}
	e.Last = r.Time
	n := int64(r.Sequence)
	if last := len(e.Sequences) - 1; last >= 0 && e.Sequences[last][1] == n-1 {
		e.Sequences[last][1] = n
	} else {
		e.Sequences = append(e.Sequences, [2]int64{n, n})
	}
	e.about = e.about || r.Session == e.Session || detailSession(r.Detail, e.Session)
	return true
}

// OfSession reports whether the id is that of a session: a record is about it, or one
// that names it was left when an earlier erasure was interrupted. Otherwise nothing is
// to be erased, for other ids have the same form.
func (e *Erasure) OfSession() bool {
	return e.about || slices.ContainsFunc(e.Sequences, func(left [2]int64) bool {
		return slices.ContainsFunc(e.begun, func(s [2]int64) bool { return s[0] <= left[1] && left[0] <= s[1] })
	})
}

// detailSession reports whether a detail gives an id as that of a session, anywhere
// in it.
func detailSession(detail json.RawMessage, id string) bool {
	var v any
	return len(detail) > 0 && json.Unmarshal(detail, &v) == nil && sessionIn(v, id)
}

func sessionIn(v any, id string) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if key == "session" && inner == id || key == "sessions" && holds(inner, id) || sessionIn(inner, id) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(inner any) bool { return sessionIn(inner, id) })
	}
	return false
}

func holds(list any, id string) bool {
	all, _ := list.([]any)
	return slices.Contains(all, any(id))
}
