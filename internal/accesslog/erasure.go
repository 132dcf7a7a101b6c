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
	Records     int       // that go
	About       int       // of them, those about the session: without any, the id is none of a session, and nothing goes
	First, Last time.Time // of Records
	Kept        int       // that name the session and stay, because they are not Erasable
}

// Add counts a record that names the session, and reports whether it goes.
func (e *Erasure) Add(session string, r *Record) bool {
	if !r.Erasable() {
		e.Kept++
		return false
	}
	if e.Records++; e.First.IsZero() {
		e.First = r.Time
	}
	e.Last = r.Time
	if r.Session == session || detailSession(r.Detail, session) {
		e.About++
	}
	return true
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
