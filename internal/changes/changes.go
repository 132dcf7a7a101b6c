// Package changes is what changes in a library, and how whoever shows it learns of it.
//
// Promises: a change is told before the call that made it returns, to the one observer
// there is. Changes that are made at the same time come in any order.
//
// A [Feed] is safe for concurrent use. Its lock is held while the observer is called.
package changes

import (
	"sync"

	"veriffs/internal/listing"
	"veriffs/veriff"
)

// Change says what is no longer as it was.
type Change struct {
	SessionsChanged  bool                        // the set of sessions
	SessionsGone     []veriff.SessionID          // these are not in it any more
	AttemptsChanged  bool                        // the set of known attempts
	AttemptsGone     []veriff.AttemptID          // these are not in it any more
	NewestChanged    bool                        // when the newest attempt began
	Session          veriff.SessionID            // this session's listing, names or date; zero for none
	DocumentsChanged bool                        // its documents
	Attempt          veriff.AttemptID            // this attempt's listing or date; zero for none
	FilesGone        []string                    // names that the listing of Session or Attempt no longer has
	Erased           func(*listing.File) bool    // files of which nothing may be kept; nil for none
	ErasedSession    func(veriff.SessionID) bool // sessions of whose documents nothing may be kept; nil for none
	Done             func()                      // to be called once all of this was acted on; nil if nobody waits
}

// Feed passes changes on to whoever asked for them. The zero Feed has no observer.
type Feed struct {
	mu       sync.RWMutex
	observer func(Change)
}

// Observe makes a function be called after each change. There is one observer; it must
// return quickly and must not call back into the library.
func (f *Feed) Observe(observer func(Change)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.observer = observer
}

// Tell passes a change on. It reports false if there is no observer.
func (f *Feed) Tell(c Change) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.observer != nil {
		f.observer(c)
	}
	return f.observer != nil
}
