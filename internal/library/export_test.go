package library

import (
	"sync"

	"veriffs/internal/erasure"
	"veriffs/internal/flight"
	"veriffs/veriff"
)

// Erasing reports whether an erasure is at work.
func (l *Library) Erasing() bool { return l.gate.Shut(func(*erasure.Fence) bool { return true }) }

// Occupy begins work on a file of a session that goes on until end is called, though
// it is stopped: erasures of the session wait for it.
func (l *Library) Occupy(session veriff.SessionID) (end func()) {
	f := &File{ID: veriff.MediaID(session), In: &Listing{Session: session}}
	begun, ended := make(chan struct{}), make(chan struct{})
	l.files.fetches.Speculate(f.ID, func(*flight.Task) (*object, error) {
		l.files.begin(f)
		defer l.files.end(f.ID)
		close(begun)
		select {
		case <-ended:
		case <-l.life.Done():
		}
		return nil, erasure.ErrFenced
	})
	<-begun
	return sync.OnceFunc(func() { close(ended) })
}
