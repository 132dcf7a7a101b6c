package erasure

import (
	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// doomed says whose data an erasure takes, going by the label that is sealed
// with each object. It is the only rule of what is erased, and of what is held.
type doomed struct {
	everything bool
	sessions   map[veriff.SessionID]bool
	thinned    map[veriff.SessionID]bool    // that lose what none of their attempts lists any more
	attempts   map[veriff.AttemptID]remains // that lose files
	knowledge
	shared bool // goes from the team's store, too
	except bool // what is held is to be left

	files        map[veriff.MediaID]bool // taken
	unattributed map[cache.Key]bool      // whose they are is not known
	unsure       bool                    // whether something is still listed is not known: it was left
	spared       bool                    // something was left only because it is held
}

// knowledge is what the rule has to be told.
type knowledge struct {
	// lists reports whether an attempt of a session lists a file, and whether that is
	// known of all its attempts.
	lists func(veriff.SessionID, veriff.AttemptID, veriff.MediaID) (listed, known bool)
	// owner returns the session of an attempt, zero if it is not known.
	owner func(veriff.AttemptID) veriff.SessionID
	// held reports whether somebody holds what belongs to one of them; zero is unknown.
	held func(veriff.SessionID, veriff.AttemptID, veriff.MediaID) bool
}

// remains is what is left of an attempt.
type remains struct {
	listed bool // the files that an attempt of its session still lists, else none
	exists bool // the attempt itself is still there, and so is its listing
}

// newDoomed returns a rule that takes nothing yet.
func newDoomed(k knowledge) *doomed {
	return &doomed{
		sessions: make(map[veriff.SessionID]bool), thinned: make(map[veriff.SessionID]bool),
		attempts: make(map[veriff.AttemptID]remains), knowledge: k,
		files: make(map[veriff.MediaID]bool), unattributed: make(map[cache.Key]bool),
	}
}

// takes reports whether an object goes. It learns on the way which attempts a
// session had: the objects before are read again.
func (d *doomed) takes(key cache.Key, text []byte) bool {
	label, _ := store.ParseLabel(text) // without one it is nobody's
	session, attempt := label.Owners()
	media, isMedia := store.FileOf(key)
	left, doomed := d.attempts[attempt]
	if d.held(session, attempt, media) {
		d.spared = d.spared || d.everything || d.sessions[session] || doomed || isMedia && d.files[media]
		return false
	}
	if d.everything {
		return true
	}
	if !doomed && d.thinned[session] {
		left, doomed = remains{listed: true, exists: true}, true
	}
	switch {
	case d.sessions[session]:
		if !attempt.IsZero() && !doomed {
			d.attempts[attempt] = remains{}
		}
	case session.IsZero() && isMedia && d.files[media]: // a list of the session has it
	case doomed && isMedia && left.listed && d.stays(session, attempt, media):
		return false
	case doomed && (isMedia || !left.exists):
	default:
		if session.IsZero() && (isMedia || !attempt.IsZero()) && d.owner(attempt).IsZero() {
			d.unattributed[key] = true
		}
		return false
	}
	if isMedia {
		d.files[media] = true
	}
	delete(d.unattributed, key) // whose it is was learnt since
	return true
}

// stays reports whether a file of an attempt that loses files is not known to be
// lost.
func (d *doomed) stays(session veriff.SessionID, attempt veriff.AttemptID, media veriff.MediaID) bool {
	listed, known := d.lists(session, attempt, media)
	d.unsure = d.unsure || !listed && !known
	return listed || !known
}

// empty reports whether no session and no attempt loses anything.
func (d *doomed) empty() bool { return len(d.sessions)+len(d.attempts) == 0 }

// collect takes the files of a listing.
func (d *doomed) collect(l *listing.Listing) {
	for i := range l.Files {
		d.files[l.Files[i].ID] = true
	}
}
