package sandbox

import (
	"encoding/json"
	"net/http"
	"time"

	"veriffs/veriff"
)

// The limits of deletions, as the API's documentation has them.
const (
	deletionsPerHour = 5
	deletionsPerDay  = 10
)

// deletions are the deletions of sessions by request. The sandbox's lock guards them.
type deletions struct {
	allowed bool
	done    []time.Time
}

// AllowDeletion switches the deletion of sessions by request on or off. It is off at
// first, as it is at Veriff.
func (s *Sandbox) AllowDeletion(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deletions.allowed = on
}

// delete answers an authenticated request to delete a session. What the API says if
// that is switched off is not documented: here, that it may not be done.
func (s *Sandbox) delete(id string, now time.Time) reply {
	if !s.deletions.allowed {
		return failure(http.StatusForbidden, "", "Forbidden")
	}
	sid, err := veriff.ParseSessionID(id)
	session, ok := s.world.session(sid)
	if err != nil || !ok {
		return failure(http.StatusNotFound, "", "Session not found")
	}
	hour, day := 0, 0
	for _, at := range s.deletions.done {
		if now.Sub(at) < time.Hour {
			hour++
		}
		if now.Sub(at) < 24*time.Hour {
			day++
		}
	}
	if hour >= deletionsPerHour || day >= deletionsPerDay {
		return failure(http.StatusTooManyRequests, "", "Too many requests")
	}
	if len(session.Attempts) > 0 && session.Attempts[0].Status == "submitted" {
		return failure(http.StatusBadRequest, "1305", "Session is not in a completed status.")
	}
	s.deletions.done = append(s.deletions.done, now)
	s.world.remove(sid)
	body, _ := json.Marshal(map[string]any{"status": "success", "verification": map[string]string{"id": id}})
	return jsonReply(http.StatusOK, body)
}
