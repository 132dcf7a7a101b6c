package custody

import "veriffs/veriff"

// AskAgain is askAgain.
func (h *Holds) AskAgain(id veriff.SessionID) (end func()) { return h.askAgain(id) }
