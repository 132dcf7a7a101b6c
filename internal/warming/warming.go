// Package warming fetches the files of many sessions into the cache before anybody
// opens them.
//
// Promises: a failure ends nothing but what it is about, and is listed; credentials
// that are refused, an API out of reach, or a team's store that is to be filled and does
// not answer, end it all. While the API asks for fewer
// requests it waits. What was fetched stays, so that the next run goes on from there.
// Not promised: that the cache has room for all of it; see [Progress.Room].
//
// [Run] may be called by several goroutines at once. Its own end before it returns,
// and the library it is given contains their panics.
package warming

import (
	"context"
	"errors"
	"time"

	"veriffs/internal/listing"
	"veriffs/veriff"
)

const (
	// spare is how many more files are worked on than there are
	// connections, so that none is idle while an object is being stored.
	spare = 4
	// queue bounds how far, in files, the listing runs ahead of the
	// fetching: far enough to know early how much there is to do.
	queue = 1 << 14
	// interval is how often the progress of a warming is told.
	interval = 200 * time.Millisecond
	// failuresMost bounds the failures that are kept by name.
	failuresMost = 1000
)

// ErrTeamDown says that the team's store does not answer: what else is to be put there
// would fail, too.
var ErrTeamDown = errors.New("the team store does not take files")

// Options says what to fetch ahead.
type Options struct {
	Sessions []veriff.SessionID // neither these nor names: every session that is known
	Names    []string           // of sessions, attempts and files, see listing.ParseName
	Team     bool               // the files are put into the team's store, too
	listing.Selection
	// Shown is what may be fetched at all: what the mount shows.
	Shown listing.Selection
}

// Library is what a warming sees of the library.
type Library interface {
	// Sessions returns every session that is known.
	Sessions() (ids []veriff.SessionID, version uint64)
	// Files returns the files that a name stands for; see listing.ParseName.
	Files(ctx context.Context, name string) ([]*listing.File, error)
	// Obtain makes sure that a file is in the cache, after everybody who waits for
	// an open, and reports whether it was fetched for that.
	Obtain(context.Context, *listing.File) (fetched bool, err error)
	// Size returns the size of a file in bytes, below 0 if it is not known yet.
	Size(*listing.File) int64
	// Room returns how many bytes of the disk the cache uses and may use.
	Room() (used, limit int64)
	// Connections bounds the requests under way.
	Connections() int
	// Down returns why the API is out of reach, nil if it is not known to be.
	Down() error
	// HeldUntil is until when no request goes out because the API asked for fewer:
	// zero if it does not.
	HeldUntil() time.Time
	// InTeam reports whether the team's store has a file, and ToTeam puts one there that
	// is in the cache. Errors: ErrTeamDown.
	InTeam(context.Context, *listing.File) (bool, error)
	ToTeam(context.Context, *listing.File) error
	// Guard logs a panic in f and makes it an error.
	Guard(f func() error) func() error
}

// names returns what to go through, as names.
func (o *Options) names(lib Library) []string {
	ids := o.Sessions
	if len(ids) == 0 && len(o.Names) == 0 {
		ids, _ = lib.Sessions()
	}
	names := make([]string, 0, len(ids)+len(o.Names))
	for _, id := range ids {
		names = append(names, listing.SessionsTree+"/"+id.String())
	}
	return append(names, o.Names...)
}

// Progress is how far a warming has come.
type Progress struct {
	Sessions     int   `json:"sessions"` // or names, to go through
	Done         int   `json:"listed"`   // of them, whose files are known; failed ones included
	Files        int   `json:"files"`    // wanted, of the sessions done so far
	Bytes        int64 `json:"bytes"`    // of them, as far as the lists say
	Cached       int   `json:"cached"`   // were there already
	CachedBytes  int64 `json:"cached_bytes"`
	Fetched      int   `json:"fetched"`
	FetchedBytes int64 `json:"fetched_bytes"`
	Failed       int   `json:"failed"` // files and sessions
	// With Options.Team, of the files that are in the cache now:
	InTeam     int `json:"in_team,omitempty"`     // those that the team's store had
	ToTeam     int `json:"to_team,omitempty"`     // that were added to it
	TeamFailed int `json:"team_failed,omitempty"` // that could not be added

	// HeldUntil is until when the warming waits, because the API asked for
	// fewer requests: zero if it does not.
	HeldUntil time.Time `json:"held_until,omitzero"`

	Room     int64     `json:"room"` // bytes that the cache may take on disk
	Failures []Failure `json:"failures,omitempty"`
}

// keep adds to the failures that are kept by name.
func (p *Progress) keep(f Failure) {
	if len(p.Failures) < failuresMost {
		p.Failures = append(p.Failures, f)
	}
}

// Failure is what could not be fetched, or not be added to the team's store, and why.
type Failure struct {
	Session string `json:"session"`        // or the name that could not be resolved
	File    string `json:"file,omitempty"` // its name; empty if the session could not be listed
	Error   string `json:"error"`
}
