package library

import (
	"sync/atomic"

	"veriffs/cache"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// Stats is a snapshot of a library's state and of what happened since New.
type Stats struct {
	Sessions  int   // in the collection
	Listing   int   // listings being asked for
	Fetching  int   // files being fetched, or waiting for that
	Opens     int64 // of files, that went well
	Cached    int64 // of them, without waiting for the network
	Failed    int64 // opens that did not
	Refused   int64 // of those who may not, or not so many: see CountRefused
	Offline   error // why the API is out of reach; nil if it is not known to be; API.HeldUntil says if it takes no requests
	ReadAhead ReadAheadStats
	Cache     cache.Stats
	API       veriff.Stats
	Team      *team.Stats // nil without a team's store
	// Unannounced is the number of holds that the team can't know of, as far as is known.
	Unannounced int
}

// ReadAheadStats counts files whose fetch began before anyone asked for them.
type ReadAheadStats struct {
	Used   int64 // were opened
	Wasted int64 // were passed over
}

// opens counts what became of opens.
type opens struct{ cached, fetched, failed, refused atomic.Int64 }

func (o *opens) count(from Source, err error) {
	switch {
	case err != nil:
		o.failed.Add(1)
	case from != FromCache:
		o.fetched.Add(1)
	default:
		o.cached.Add(1)
	}
}

// CountRefused counts that whoever shows the library has let somebody not open a file, or
// not look at names.
func (l *files) CountRefused() { l.opens.refused.Add(1) }

// Stats returns the counts. It costs no I/O.
func (l *Library) Stats() Stats {
	sessions, _ := l.sessions.All()
	cached := l.opens.cached.Load()
	used, wasted := l.ahead.Counts()
	s := Stats{
		Sessions: len(sessions),
		Listing:  l.listings.answers.Asking() + l.attempts.answers.Asking(), Fetching: l.fetches.Count(),
		Opens: cached + l.opens.fetched.Load(), Cached: cached, Failed: l.opens.failed.Load(), Refused: l.opens.refused.Load(),
		Offline:   l.link.Check(),
		ReadAhead: ReadAheadStats{Used: used, Wasted: wasted},
		Cache:     l.cache.Stats(),
		API:       l.client.Stats(),
	}
	if l.team != nil {
		shared := l.team.Stats()
		s.Team, s.Unannounced = &shared, l.custodian.Unannounced()
	}
	return s
}
