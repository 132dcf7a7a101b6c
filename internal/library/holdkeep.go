package library

import (
	"time"

	"veriffs/internal/hold"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// What a mount does for holds by itself: it completes them, ends them, and seals what
// is held anew.

const (
	// holdsLooked is how often is looked whether a hold's time has run out.
	holdsLooked = time.Minute
	// loadingLooked is how often is looked whether the cache is loaded.
	loadingLooked = 100 * time.Millisecond
	// holdsCompleted is how often what is missing of a hold is asked for.
	holdsCompleted = time.Hour
)

// keepHolds ends the holds whose time has run out, and completes those that lack
// something, until the library is closed.
func (l *holder) keepHolds() {
	next := make(map[veriff.SessionID]time.Time)
	l.renew()
	tick := time.NewTicker(holdsLooked)
	defer tick.Stop()
	for {
		for _, r := range l.holds.All() {
			if _, busy := l.again.Load(r.Session); busy {
				continue // somebody is just holding it
			}
			switch {
			case r.Expired(l.now()):
				l.expire(r)
			case r.Complete.IsZero() && r.Gone.IsZero() && !time.Now().Before(next[r.Session]):
				next[r.Session] = time.Now().Add(holdsCompleted)
				held, err := l.complete(l.life, r.Session)
				if err == nil && held.NoRoom > 0 { // it would be fetched in vain each time
					l.log.Error("the cache has no room for all of a held session: make it larger (--cache-size) and hold it again",
						"session", r.Session, "files", held.NoRoom, "used", held.Used, "limit", held.Limit)
					next[r.Session] = time.Now().Add(holdsCompleted * 24 * 365)
				}
			}
		}
		select {
		case <-l.life.Done():
			return
		case <-l.incomplete:
		case <-tick.C:
		}
	}
}

// renew seals what is held with the newest secret, so that the older ones can be
// given up without losing it.
func (l *holder) renew() {
	for l.cache.Stats().Loading { // what lies under which secret is not known before
		if !l.rest(loadingLooked) {
			return
		}
	}
	for _, r := range l.holds.All() {
		if err := l.cache.Holds().Renew(l.life, store.HoldKey(r.Session)); err != nil && l.life.Err() == nil {
			l.log.Error("what is held could not be sealed with the new secret: keep the old one set", "session", r.Session, "error", err)
		}
	}
}

func (l *holder) expire(r *hold.Record) {
	if err := l.library.eraser.release(r); err != nil {
		l.log.Error("a hold whose time has run out could not be ended", "session", r.Session, "error", err)
		return
	}
	l.log.Info("a hold ended, because its time has run out", "session", r.Session)
}
