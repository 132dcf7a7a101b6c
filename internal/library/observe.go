package library

import (
	"sync"

	"veriffs/veriff"
)

// Change says what is no longer as it was.
type Change struct {
	SessionsChanged  bool                        // the set of sessions
	SessionsGone     []veriff.SessionID          // these are not in it any more
	AttemptsChanged  bool                        // the set of known attempts
	AttemptsGone     []veriff.AttemptID          // these are not in it any more
	NewestChanged    bool                        // what Newest returns
	Session          veriff.SessionID            // this session's listing, names or date; zero for none
	DocumentsChanged bool                        // its documents
	Attempt          veriff.AttemptID            // this attempt's listing or date; zero for none
	FilesGone        []string                    // names that the listing of Session or Attempt no longer has
	Erased           func(*File) bool            // files of which nothing may be kept; nil for none
	ErasedSession    func(veriff.SessionID) bool // sessions of whose documents nothing may be kept; nil for none
	Done             func()                      // to be called once all of this was acted on; nil if nobody waits
}

// observers passes changes on to whoever asked for them.
type observers struct {
	mu sync.RWMutex
	f  func(Change)
}

// Observe makes f be called after each change. There is one observer; f must
// return quickly and must not call back into the library.
func (l *Library) Observe(f func(Change)) {
	l.observer.mu.Lock()
	defer l.observer.mu.Unlock()
	l.observer.f = f
}

// tell reports false if there is no observer.
func (o *observers) tell(c Change) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.f != nil {
		o.f(c)
	}
	return o.f != nil
}
